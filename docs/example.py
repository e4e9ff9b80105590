# %% [markdown]
# # One d90, step by step
#
# This file is a notebook: VS Code runs its cells as they stand, Jupyter opens it through jupytext, and
# `python docs/example.py` runs all of it. It takes some 45 seconds on two idle CPU cores and needs no download, no
# account and no GPU.
#
# The model is an encoder of 0.5M parameters that ships with the package. It was pretrained on a small generated
# language, in which the task is written, too. What you see here holds for any `transformers` model and any data. The
# numbers do not: this is a toy.

# %%
import csv
from pathlib import Path

import torch
from datasets import Dataset, DatasetDict

from lit_idim import Subspace, measure_d90
from lit_idim.d90 import SearchSettings
from lit_idim.data.tokenizer import load_tokenizer
from lit_idim.figures.score_against_d import score_against_d
from lit_idim.ledger import Ledger
from lit_idim.study.settings import TrainingSettings
from lit_idim.study.tables import read_d90
from lit_idim.subspace import load_classifier
from lit_idim.toy import toy_examples
from lit_idim.training.optimization import subspace_learning_rate, subspace_optimizer

MODEL = "checkpoints/toy-L2-H128/step-4000"  # or a folder of yours, or a name on the hub
OUT = Path("outputs/example")

# %% [markdown]
# ## A dataset
#
# A `DatasetDict` with the splits `train` and `validation`: sentences that tell one opinion, and whether it is praise or
# blame. 3% of the labels are wrong, as where people label.

# %%
WORDS = ["blame", "praise"]


def make_split(name: str, num_examples: int) -> Dataset:
    """Sentences of the toy language and their labels as words."""
    examples = toy_examples("toy-opinion", name, num_examples=num_examples)
    return Dataset.from_dict({"review": examples.first, "verdict": [WORDS[label] for label in examples.labels]})


reviews = DatasetDict(train=make_split("train", 2000), validation=make_split("dev", 500))
print(reviews["train"][0])

# %% [markdown]
# ## A subspace
#
# `load_classifier` gives the encoder a new head, drawn from `head_seed`. `Subspace` then freezes all D parameters and
# puts d numbers beside them: for SAID, d - m coordinates and m layer scales. The table tells what is counted: every
# trainable tensor that the logits depend on, once.

# %%
model = load_classifier(MODEL, num_labels=2, head_seed=0)
tokenizer = load_tokenizer(MODEL)
subspace = Subspace(model, d=200, method="said", seed=0)
D, m, d = subspace.layout.D, subspace.layout.m, subspace.d
print(subspace.layout.table())
print(f"D = {D:,}, m = {m} layers, d = {d}: {len(subspace.theta_d)} coordinates and {len(subspace.lambdas)} scales")
print("trained:", sum(number.numel() for number in subspace.parameters() if number.requires_grad))

# %% [markdown]
# theta_d starts at 0. So the subspace still computes what the model does, bit for bit.

# %%
model.eval()
batch = tokenizer(reviews["validation"]["review"][:8], padding=True, return_tensors="pt")
with torch.no_grad():
    print("the same logits:", torch.equal(subspace(**batch).logits, model(**batch).logits))

# %% [markdown]
# ## A short training by hand
#
# 60 updates of 32 examples. The rate is the one that the search would start from. No schedule, one seed: a look, not a
# measurement.

# %%
rate = subspace_learning_rate(6e-4, D=D, d=d - m)
optimizer = subspace_optimizer(subspace, name="adam", learning_rate=rate, lambda_learning_rate=0.01)
subspace.train()
generator = torch.Generator().manual_seed(0)
for update in range(60):
    rows = reviews["train"][torch.randint(2000, (32,), generator=generator).tolist()]
    batch = tokenizer(rows["review"], padding=True, return_tensors="pt")
    labels = torch.tensor([WORDS.index(word) for word in rows["verdict"]])
    loss = subspace(**batch, labels=labels).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if update % 20 == 19:
        print(f"update {update + 1}: loss {loss.item():.3f}")

subspace.eval()
with torch.no_grad():
    batch = tokenizer(list(reviews["validation"]["review"]), padding=True, return_tensors="pt")
    predicted = subspace(**batch).logits.argmax(-1)
right = [WORDS[label] == word for label, word in zip(predicted.tolist(), reviews["validation"]["verdict"], strict=True)]
print(f"{d} numbers at a rate of {rate:.2g}: dev accuracy {sum(right) / len(right):.3f}")

# %% [markdown]
# ## A measured d90
#
# `measure_d90` trains in full at several rates and seeds, takes 90% of that score as the target, and looks for the d at
# which a subspace reaches it. Every training is a row of a ledger in OUT: run this cell again, and it returns at once.
#
# **The budget is a demo's**: 80 updates a training and 10 trainings at most. The default is 80 trainings of three
# epochs. The updates are a part of what is measured, so the default measures something else. And few trainings leave a
# wide interval that rests on many assumptions (`docs/method.md`). Small encoders want full rates decades above those of
# a base model.

# %%
training = TrainingSettings(num_updates=80, batch_size=32, max_length=32)
search = SearchSettings(
    d_min=10, d_max=1000, full_learning_rates=(3e-4, 6e-4, 1.2e-3), full_replicates=2, max_trainings=10, tolerance=0.7
)
row = measure_d90(
    MODEL,
    reviews,
    text_columns=["review"],
    label_column="verdict",
    task_name="verdicts",
    training=training,
    search=search,
    out=OUT,
)

# %% [markdown]
# ## Reading the row
#
# Look at the status first. d90 is a number only where it is `reached`. An end of the interval that is None lies outside
# the range of d. `notes` tells what to beware of; `docs/method.md` tells what to do.

# %%
print(f"status      {row.status}{'' if row.reason is None else f' ({row.reason})'}")
ends = ["open" if end is None else f"{end:.0f}" for end in (row.d90_low, row.d90_high)]
print(f"d90         {'' if row.d90 is None else f'{row.d90:.0f}'} (90% interval {ends[0]} to {ends[1]})")
print(f"included    {row.interval_includes}")
print(f"full score  {row.full_score:.3f} at a rate of {row.full_learning_rate:.2g}; chance {row.chance_score:.3f}")
print(f"target      {row.target_score:.3f}")
print(f"searched    d from {row.d_min} to {row.d_max}, {row.num_trainings} trainings, {row.num_seeds} near d90")
print(f"tolerance   {'met' if row.tolerance_met else 'not met'}")
print(f"notes       {row.notes or 'none'}")

# %% [markdown]
# ## Score against d
#
# `measure_d90` has drawn this figure in OUT/figures, with the fitted curve. Here it is drawn again from the ledger,
# points alone. In a notebook, `IPython.display.Image(paths[0])` shows it.

# %%
with Ledger.read(OUT / "ledger.sqlite") as ledger:
    records = ledger.records()
paths = score_against_d(records, [row], OUT / "figures_again")
print(*paths, *sorted((OUT / "figures").iterdir()), sep="\n")

# %% [markdown]
# ## The tables
#
# `d90.csv` has a row a d90, `trials.csv` a row a training. Both are plain CSV; `read_d90` gives the rows back as they
# were.

# %%
print("the same row:", read_d90(OUT / "d90.csv") == [row])
with (OUT / "trials.csv").open(newline="") as file:
    for trial in csv.DictReader(file):
        print(f"{trial['method']:>5} d {trial['d'] or 'all':>5} rate {float(trial['learning_rate']):.1e}", end=" ")
        print(f"seed {trial['replicate']} {trial['status']:>8}", f"score {trial['score'] or trial['evaluations']}")
