"""A small generated language: corpus, tasks and tokenizer that need neither files nor a network.

The grammar. `[x]` is optional, `|` separates choices, `x+` is one or two; lower-case words stand for themselves, words
in capitals for any word of a class (see `vocabulary`). A factual sentence expresses a `meaning.Statement`:

    Fact       ->  Event | State
    Event      ->  Thing has [Adverb] [not] EVENT-VERB Thing [Where] .
                |  Thing has [Adverb] [not] been EVENT-VERB by Thing [Where] .
    State      ->  Thing is [Adverb] [not] STATE-ADJECTIVE [Where] .
    Adverb     ->  still | now
    Thing      ->  Article [MODIFIER+] Name
    Article    ->  the | a
    Name       ->  NOUN | CATEGORY
    Where      ->  in Article PLACE

A review expresses three or five opinions, and only the corpus has definitions:

    Review     ->  Clause .  |  Clause Link Review
    Link       ->  , | and | but | because | while
    Clause     ->  Thing was Adjective [and Adjective]  |  the PERSON has Verb Thing
    Adjective  ->  [not] [DEGREE-ADVERB] OPINION-ADJECTIVE
    Verb       ->  [not] [DEGREE-ADVERB] OPINION-VERB

    Definition ->  the NOUN is a CATEGORY .  |  WORD is SYNONYM .  |  WORD is not OPPOSITE .

What it means:

- "not" turns the word that it governs into its opposite: the other end of an axis, the other polarity of an opinion.
- Free variants are synonyms, active and passive, "not" with the opposite word, and the order of modifiers. In the
  active the first Thing is the subject, in the passive the second.
- Each opinion counts +1 or -1; the sign of the sum is the sentiment. Links, degree adverbs and Things do not count.
- Facts are read existentially: a fact implies whatever says less of the same (`meaning.relation`).
- In a text of the corpus a thing or place is "a" at its first mention and "the" from then on; "still" goes with what
  was told before, "now" with news. A sentence by itself, as in the tasks, has "the" throughout and neither adverb.
"""

from lit_idim.toy.corpus import toy_corpus
from lit_idim.toy.tasks import toy_examples
from lit_idim.toy.tokenizer import build_toy_tokenizer

__all__ = ["build_toy_tokenizer", "toy_corpus", "toy_examples"]
