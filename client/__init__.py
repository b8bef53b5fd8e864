"""Inversight's REST API for programs on other machines.

    from inversight_client import Case, connect, download, gate, submit, watch

    server = connect()                                  # INVERSIGHT_URL, INVERSIGHT_TOKEN
    handed = submit(server, Case(model, train, population, schema, name="Income model"))
    for state in watch(server, handed.id):
        print(state["percent"])
    print(gate(server, handed.number, ["not_satisfied"]).passed)
    download(server, handed.number, Path("privacy"))

Everything that goes wrong is a Problem, whose message is one sentence.
"""

from .download import Downloaded, download
from .errors import Problem, Refused
from .find import find
from .gate import Gate, gate
from .submit import Case, Handed, submit
from .watch import watch
from .wire import Wire, connect

__all__ = ["Case", "Downloaded", "Gate", "Handed", "Problem", "Refused", "Wire", "connect", "download", "find", "gate", "submit", "watch"]
