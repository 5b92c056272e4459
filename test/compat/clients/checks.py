"""What the checks of every client share.

A script of checks is started with one argument, a JSON object that says which server to call (see Server), and
prints a JSON object a line for each check: {"name": ..., "error": null or the traceback}. The beginning of a check's
name decides which column of the table in docs/clients.md it counts for (see table_test.go).
"""
import json
import sys
import traceback
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    base_url: str  # ends in /v1
    key: str  # what the gateway asks for; a stand-in model asks for none
    chat: str  # the models' names
    embedding: str
    ranking: str
    question: str  # one that the server's documents, or the prompt, can answer
    gateway: bool  # a gateway answers from documents and cites them; a stand-in model only answers
    with_key: str  # the gateway behind a proxy that adds the key, for clients that send none; does not end in /v1
    cancelled: str  # the URL that answers once the LLM has been left in an answer to slow_question
    overloaded: str  # like base_url, of a gateway whose LLM is overloaded; empty for a stand-in model
    client: str  # the client's own name, in letters, digits and hyphens

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


def check_citations(citations) -> None:
    """Checks the field citations, which clients show that keep fields they do not know."""
    assert citations["total_results"] == len(citations["results"]) > 0, citations
    for result in citations["results"]:
        assert result["content"].strip() and result["document_name"] and result["document_id"], result
        assert 0 <= result["score"] <= 1, result


def check_annotations(annotations) -> None:
    """Checks OpenAI's annotations, which clients show that drop other fields."""
    assert annotations, "no annotations"
    for annotation in annotations:
        assert annotation["type"] == "url_citation", annotation
        cited = annotation.get("url_citation", annotation)  # stands a level deeper in a chat
        assert "/v1/documents/" in cited["url"] and cited["title"], annotation
        assert cited["start_index"] < cited["end_index"], annotation


def slow_question() -> str:
    """A question that the LLM answers until it is left."""
    return f"{server.question} Say it slowly-{server.client}."


def check_cancelled() -> None:
    """Checks that nobody works any more on an answer that the client has left."""
    with urllib.request.urlopen(server.cancelled, timeout=30) as reply:
        assert reply.status == 200


def check_refused(call, *errors, status, text: str = "") -> None:
    """Checks that the call raises one of the errors, and that it tells status and text."""
    try:
        call()
    except errors as e:
        told = f"{getattr(e, 'status_code', '')} {e}"
        assert str(status) in told and text in told, f"{e!r} tells neither {status} nor {text}"
    else:
        raise AssertionError("accepted")
