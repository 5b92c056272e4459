"""What the checks of every client share.

A script of checks is started with one argument, a JSON object that says which server to call (see Server), and
prints a JSON object a line for each check: {"name": ..., "error": null or the traceback}.
"""
import json
import sys
import traceback
from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    base_url: str  # ends in /v1
    chat: str  # the models' names
    embedding: str
    ranking: str
    question: str  # one that the server's documents, or the prompt, can answer
    gateway: bool  # a gateway answers from documents and cites them; a stand-in model only answers

    def prompt(self) -> str:
        """The question as the server needs it: a model without documents gets the passage along with it."""
        if self.gateway:
            return self.question
        return "[1] guide.md\nA pipeline switches once the new index is complete.\n\n" + self.question


server = Server(**json.loads(sys.argv[1]))


def run(*checks) -> None:
    """Runs the checks in order and reports each under the name of its function."""
    for check in checks:
        error = None
        try:
            check()
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"name": check.__name__, "error": error}), flush=True)


def check_answer(text: str) -> None:
    assert isinstance(text, str) and text.strip(), f"no answer: {text!r}"
    assert "<think>" not in text, text
    if server.gateway:
        assert "[1]" in text, f"the answer cites nothing: {text!r}"
