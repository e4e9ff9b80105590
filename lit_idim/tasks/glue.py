"""The nine tasks of GLUE, in the layout of the files that gluebenchmark.com publishes and of the hub's `nyu-mll/glue`.

WNLI's labels and CoLA's are written 0 and 1; the hub numbers every task's classes in the order given here.
"""

from lit_idim.tasks.task import Split, Task

_GLUE = "nyu-mll/glue"
_GLUE_CITATION = "Wang et al. 2019, GLUE (ICLR, arXiv 1804.07461)"
_PAIR = ("sentence1", "sentence2")
_NLI = ("entailment", "neutral", "contradiction")
_ENTAILMENT = ("entailment", "not_entailment")


def _glue_splits(submission_name: str, columns_without_header: tuple[str, ...] | None = None) -> tuple[Split, ...]:
    """The three splits of a GLUE task; `test.tsv` always has a header line and holds no labels."""
    return (
        Split(
            name="train",
            hub_splits=("train",),
            files=("train.tsv",),
            columns_without_header=columns_without_header,
        ),
        Split(
            name="dev",
            hub_splits=("validation",),
            files=("dev.tsv",),
            columns_without_header=columns_without_header,
        ),
        Split(
            name="test",
            hub_splits=("test",),
            files=("test.tsv",),
            labelled=False,
            submission_name=submission_name,
        ),
    )


def _mnli_evaluation_split(name: str, genres: str, hub_prefix: str, submission_name: str | None) -> Split:
    file_prefix = "dev" if submission_name is None else "test"
    return Split(
        name=name,
        hub_splits=(f"{hub_prefix}_{genres}",),
        files=(f"{file_prefix}_{genres}.tsv",),
        labelled=submission_name is None,
        submission_name=submission_name,
    )


COLA = Task(
    name="cola",
    title="CoLA",
    text_columns=("sentence",),
    label_names=("0", "1"),
    metrics=("matthews", "accuracy"),
    headline_metric="matthews",
    splits=_glue_splits("CoLA", columns_without_header=("source", "label", "annotation", "sentence")),
    hub_dataset=_GLUE,
    hub_config="cola",
    citation=f"Warstadt et al. 2019, CoLA (TACL, arXiv 1805.12471); {_GLUE_CITATION}",
    license_note="sentences quoted from the linguistics literature; no licence stated",
)

SST2 = Task(
    name="sst2",
    title="SST-2",
    text_columns=("sentence",),
    label_names=("0", "1"),
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=_glue_splits("SST-2"),
    hub_dataset=_GLUE,
    hub_config="sst2",
    folder_names=("SST",),
    citation=f"Socher et al. 2013 (EMNLP); {_GLUE_CITATION}",
    license_note="no licence stated",
)

MRPC = Task(
    name="mrpc",
    title="MRPC",
    text_columns=_PAIR,
    label_names=("0", "1"),
    metrics=("accuracy", "f1"),
    headline_metric="accuracy",
    splits=_glue_splits("MRPC"),
    hub_dataset=_GLUE,
    hub_config="mrpc",
    file_text_columns=("#1 String", "#2 String"),
    file_label_column="Quality",
    citation=f"Dolan and Brockett 2005 (IWP); {_GLUE_CITATION}",
    license_note="Microsoft Research data licence",
)

STSB = Task(
    name="stsb",
    title="STS-B",
    text_columns=_PAIR,
    label_range=(0.0, 5.0),
    metrics=("pearson", "spearman", "pearson_spearman_mean"),
    headline_metric="pearson_spearman_mean",
    splits=_glue_splits("STS-B"),
    hub_dataset=_GLUE,
    hub_config="stsb",
    folder_names=("STS",),
    file_label_column="score",
    citation=f"Cer et al. 2017 (SemEval, arXiv 1708.00055); {_GLUE_CITATION}",
    license_note="a mixture by source; see the benchmark's LICENSE.txt",
)

QQP = Task(
    name="qqp",
    title="QQP",
    text_columns=("question1", "question2"),
    label_names=("0", "1"),
    metrics=("accuracy", "f1"),
    headline_metric="accuracy",
    splits=_glue_splits("QQP"),
    hub_dataset=_GLUE,
    hub_config="qqp",
    file_label_column="is_duplicate",
    # A few of 360,000 questions were published with a line break inside, which leaves fragments of lines.
    max_malformed_fraction=0.001,
    citation=f"Iyer, Dandekar and Csernai 2017, First Quora Dataset Release; {_GLUE_CITATION}",
    license_note="Quora's terms of service, non-commercial",
)

MNLI = Task(
    name="mnli",
    title="MNLI",
    text_columns=("premise", "hypothesis"),
    label_names=_NLI,
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=(
        Split(name="train", hub_splits=("train",), files=("train.tsv",)),
        _mnli_evaluation_split("dev", "matched", "validation", None),
        _mnli_evaluation_split("dev_mismatched", "mismatched", "validation", None),
        _mnli_evaluation_split("test", "matched", "test", "MNLI-m"),
        _mnli_evaluation_split("test_mismatched", "mismatched", "test", "MNLI-mm"),
    ),
    hub_dataset=_GLUE,
    hub_config="mnli",
    folder_names=("MultiNLI",),
    file_text_columns=_PAIR,
    file_label_column="gold_label",
    citation=f"Williams, Nangia and Bowman 2018 (NAACL, arXiv 1704.05426); {_GLUE_CITATION}",
    license_note="OANC licence, fiction partly CC BY and CC BY-SA",
)

QNLI = Task(
    name="qnli",
    title="QNLI",
    text_columns=("question", "sentence"),
    label_names=_ENTAILMENT,
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=_glue_splits("QNLI"),
    hub_dataset=_GLUE,
    hub_config="qnli",
    folder_names=("QNLIv2",),
    citation=f"Rajpurkar et al. 2016, SQuAD (EMNLP, arXiv 1606.05250); {_GLUE_CITATION}",
    license_note="CC BY-SA 4.0",
)

RTE = Task(
    name="rte",
    title="RTE",
    text_columns=_PAIR,
    label_names=_ENTAILMENT,
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=_glue_splits("RTE"),
    hub_dataset=_GLUE,
    hub_config="rte",
    citation=(
        "Dagan et al. 2006, Bar Haim et al. 2006, Giampiccolo et al. 2007, Bentivogli et al. 2009 (RTE 1, 2, 3, 5); "
        f"{_GLUE_CITATION}"
    ),
    license_note="no licence stated",
)

WNLI = Task(
    name="wnli",
    title="WNLI",
    text_columns=_PAIR,
    label_names=("0", "1"),
    metrics=("accuracy",),
    headline_metric="accuracy",
    splits=_glue_splits("WNLI"),
    hub_dataset=_GLUE,
    hub_config="wnli",
    citation=f"Levesque, Davis and Morgenstern 2012 (KR); {_GLUE_CITATION}",
    license_note="CC BY 4.0 (the Winograd schemas)",
)

GLUE_TASKS = (COLA, SST2, MRPC, STSB, QQP, MNLI, QNLI, RTE, WNLI)
