"""The head of the page: what d90 is, what was measured, and how far the study is."""

from collections import Counter

from lit_idim.figures.caption import STATUS_WORDS, standing
from lit_idim.report.content import ReportContent
from lit_idim.report.lines import drawn_rows
from lit_idim.report.markup import Markup, element
from lit_idim.report.words import VARIANT_WORDS
from lit_idim.study.progress import duration
from lit_idim.text import counted, listed

TITLES = {
    "pretrain_curve": "d90 against pretraining step",
    "model_size": "d90 against model size",
    "sentence_prediction": "d90 of sentence prediction, DID and SAID",
    "generalization": "d90, generalization and a bound on the error",
    "learning_rates": "best learning rates of subspaces, and d90",
}
MAX_NAMES = 6
MEANINGS = {
    "d90": "the smallest number of trained values d at which a model, trained in a random subspace of d dimensions, "
    "reaches {share} of the score of ordinary fine-tuning",
    "d90_chance_corrected": "the smallest number of trained values d at which a model, trained in a random subspace of "
    "d dimensions, reaches {share} of what ordinary fine-tuning gains over chance",
    "d90_final_target": "the smallest number of trained values d at which a model, trained in a random subspace of d "
    "dimensions, reaches {share} of the last checkpoint's score in ordinary fine-tuning",
}


def title_of(content: ReportContent) -> str:
    """Of the page."""
    models = list(dict.fromkeys(row.model for row in content.rows))
    title = TITLES.get(content.study, f"d90: {content.study}" if content.study else "d90")
    return f"{title}: {models[0]}" if len(models) == 1 else title


def lead(content: ReportContent) -> Markup:
    """Title, how far the study is, what d90 is, and of how many cells there is one."""
    share = listed(sorted({f"{100 * row.target_fraction:g}%" for row in content.rows})) or "90%"
    meaning = MEANINGS[content.variant].format(share=share)
    return element(
        "header",
        element("h1", title_of(content)),
        None if content.is_complete else element("p", _unfinished(content), class_="unfinished"),
        element("p", element("strong", VARIANT_WORDS[content.variant]), f" is {meaning}. {_outcome(content)}"),
    )


def measured(content: ReportContent) -> Markup:
    """Which models, tasks and methods, with how many trainings, and when the page was written."""
    names = {
        noun: list(dict.fromkeys(getattr(row, noun) for row in content.rows)) for noun in ("model", "task", "method")
    }
    names["method"] = [name.upper() for name in names["method"]]
    named = [f"{counted(len(found), noun)} ({_some(found)})" for noun, found in names.items() if found]
    seconds = sum(record.seconds for record in content.records)
    effort = f"{counted(len(content.records), 'training')}, {duration(seconds)} of training"
    when = content.written_at.strftime("%Y-%m-%d %H:%M UTC")
    return element("p", f"Measured: {'; '.join([*named, effort])}. Written {when}.")


def _unfinished(content: ReportContent) -> str:
    total = max(content.num_cells or 0, len(content.rows))
    return f"Not complete: {content.num_done} of {counted(total, 'cell')} done. Numbers may still change."


def _outcome(content: ReportContent) -> str:
    if not content.rows:
        return ""
    counts: Counter[str] = Counter(standing(row, content.variant) for row in content.rows)
    others = [f"{counts[status]} {words}" for status, words in STATUS_WORDS.items() if counts[status]]
    reached = f"{counts['reached']} of {counted(len(content.rows), 'cell')} reached the target"
    drawn = drawn_rows(content)
    num_reached = sum(standing(row, content.variant) == "reached" for row in drawn)
    of_drawn = f" Of the {len(drawn)} drawn below, {num_reached} did." if len(drawn) < len(content.rows) else ""
    return "; ".join([f"Here {reached}", *others]) + f".{of_drawn}"


def _some(names: list[str]) -> str:
    shown = names[:MAX_NAMES]
    return listed(shown) if len(shown) == len(names) else f"{', '.join(shown)} and {len(names) - MAX_NAMES} more"
