"""A small generated language: corpus, tasks and tokenizer that need neither files nor a network.

The grammar. `[x]` is optional, `|` separates choices, `x+` is one or two; lower-case words stand for themselves, words
in capitals for any word of a class (see `vocabulary`). A factual sentence expresses a `meaning.Statement`:

    Fact      ->  Event | State
    Event     ->  Thing has [not] EVENT-VERB Thing [Where] .             the first Thing is the subject
               |  Thing has [not] been EVENT-VERB by Thing [Where] .     the second Thing is the subject
    State     ->  Thing is [not] STATE-ADJECTIVE [Where] .
    Thing     ->  the [MODIFIER+] Name
    Name      ->  NOUN | CATEGORY
    Where     ->  in the PLACE

A review expresses three or five opinions, and only the corpus has definitions:

    Review    ->  Clause .  |  Clause Link Review
    Link      ->  , | and | but | because | while
    Clause    ->  Thing was Adjective [and Adjective]  |  the PERSON has Verb Thing
    Adjective ->  [not] [DEGREE-ADVERB] OPINION-ADJECTIVE
    Verb      ->  [not] [DEGREE-ADVERB] OPINION-VERB

    Definition -> the NOUN is a CATEGORY .  |  WORD is SYNONYM .  |  WORD is not OPPOSITE .

What it means:

    not        turns the word that it governs into its opposite: the other end of an axis, the other polarity of an
    opinion. synonyms   are free variants, as are active and passive, "not" with the opposite word, and the order of
    modifiers. opinions   count +1 or -1; the sign of their sum is the sentiment. Links, degree adverbs and Things do
    not count. facts      are read existentially: a fact implies what names less of the same (`meaning.relation`).
"""

from lit_idim.toy.corpus import toy_corpus
from lit_idim.toy.tasks import toy_examples
from lit_idim.toy.tokenizer import build_toy_tokenizer

__all__ = ["build_toy_tokenizer", "toy_corpus", "toy_examples"]
