"""A process with a ledger open, started by tests: what it has done is told by one line each."""

import json
import pickle
import sys
import time

from lit_idim.ledger import Ledger


def main(what: str, url: str) -> None:
    settings, work = pickle.load(sys.stdin.buffer)
    with Ledger.open(url, settings=settings) as ledger:
        for item in work:
            if what == "write":
                ledger.write(item)
                print(item.key, flush=True)
            elif ledger.claim(item):
                print(item, flush=True)
        if what == "hold":
            time.sleep(600)
        print(json.dumps("done"), flush=True)
        sys.stdin.buffer.read()  # keeps the claims until the test closes the pipe


if __name__ == "__main__":
    main(*sys.argv[1:])
