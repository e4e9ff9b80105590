from itertools import count

from lit_idim.toy.shares import MAX_ATTEMPTS, SHARES_OF_SIXTEEN, first_of_share, share_of


def test_shares_are_as_large_as_stated() -> None:
    shares = [share_of(f"sentence {i}") for i in range(16000)]
    assert sum(SHARES_OF_SIXTEEN.values()) == 16
    for name, sixteenths in SHARES_OF_SIXTEEN.items():
        assert abs(shares.count(name) - 1000 * sixteenths) < 200


def test_the_first_sentence_of_a_share_is_found_and_a_missing_one_ends() -> None:
    numbers = count()
    found = first_of_share(lambda: f"sentence {next(numbers)}", "dev")
    assert found is not None and share_of(found) == "dev"
    assert all(share_of(f"sentence {i}") != "dev" for i in range(int(found.split()[1])))

    calls = []
    other = "train" if share_of("the same") == "dev" else "dev"
    assert first_of_share(lambda: calls.append(1) or "the same", other) is None
    assert len(calls) == MAX_ATTEMPTS
