"""Reads what /status says: an agent's lines, or the JSON of a replica's own health server. Pure.

Part of the start-up path of `pomhealth health`: built-in modules only, and `json` where the answer is JSON.
No class here is a dataclass, because loading that module alone takes longer than curl runs.
"""

_FIELDS = 8


class AskError(Exception):
    """No usable answer. The text is one clause that says what happened; `fix` what to do about it.

    `code` is the status of an HTTP answer that was no usable one, "" without any.
    """

    def __init__(self, why: str, fix: str = "", code: str = "") -> None:
        super().__init__(why)
        self.fix = fix
        self.code = code


class Row:
    """One check as the other side tells it. `stops`: it keeps the replica from being ready now. `fix`: the steps."""

    __slots__ = ("blocked_by", "cause", "fix", "gate", "id", "outcome", "stops", "summary")

    def __init__(
        self,
        id_: str,
        outcome: str,
        *,
        stops: bool = False,
        gate: str = "",
        cause: str = "",
        summary: str = "",
        fix: tuple[str, ...] = (),
        blocked_by: str = "",
    ) -> None:
        self.id = id_
        self.outcome = outcome
        self.stops = stops
        self.gate = gate
        self.cause = cause
        self.summary = summary
        self.fix = fix
        self.blocked_by = blocked_by


class Answer:
    """What came back: every check, and whether the other side calls itself ready (None where it does not say)."""

    __slots__ = ("ready", "rows")

    def __init__(self, rows: list[Row], *, ready: bool | None = None) -> None:
        self.rows = rows
        self.ready = ready


def read(body: bytes) -> Answer:
    """The answer in `body`. Raises AskError."""
    text = body.decode("utf-8", "replace")
    return _read_lines(text) if text.startswith("pomhealth ") else _read_json(text)


def _read_lines(text: str) -> Answer:
    first, *lines = text.rstrip("\r\n").split("\n")
    head = first.split()
    if head[1:2] != ["1"] or not ("ready=1" in head or "ready=0" in head):
        raise AskError(
            f"the agent answers in a form that this client does not know ({first[:60]!r})",
            "install the same release of pomhealth for the agent and for this client",
        )
    rows = []
    for line in lines:
        fields = line.rstrip("\r").split("\t")
        if len(fields) < _FIELDS:
            raise AskError("the agent's answer is damaged: a line is cut short")
        id_, outcome, stops, *told = fields[:_FIELDS]
        row = Row(id_, outcome, stops=stops == "1")
        row.gate, row.cause, row.summary, steps, row.blocked_by = told
        row.fix = tuple(steps.split(" ; ")) if steps else ()
        rows.append(row)
    return Answer(rows, ready="ready=1" in head)


def _read_json(text: str) -> Answer:
    import json  # noqa: PLC0415  (an agent answers in lines: only a replica's own answer needs it)

    try:
        answer = json.loads(text)
        rows = [_judge(str(id_), entry) for id_, entry in answer["statuses"].items()]
        required = [str(id_) for id_ in answer.get("checks") or ()]
        ready = (
            None if answer.get("ready") is None else bool(answer["ready"])
        )  # an agent says; Pomerium does not
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise AskError("the answer is not a health status", ELSEWHERE) from None
    there = {row.id for row in rows}
    return Answer(rows + [_missing(id_) for id_ in required if id_ not in there], ready=ready)


def _judge(id_: str, entry: dict[str, object]) -> Row:
    """As Pomerium's own client judges: any error counts, whatever the status says, and any status but RUNNING."""
    error, status = entry.get("error"), entry.get("status")
    cause, summary, steps = (entry.get(key) or "" for key in ("cause", "summary", "fix"))
    if not error and status == "RUNNING":
        return Row(id_, str(entry.get("outcome") or "pass"), cause=str(cause), summary=str(summary))
    return Row(
        id_,
        "fail",
        stops=True,
        gate="ready",
        cause=str(cause or "reported"),
        summary=str(summary or error or f"its status is {status or 'missing'}, not RUNNING"),
        fix=tuple(map(str, steps)) if steps and isinstance(steps, list) else _measure(id_),
    )


def _missing(id_: str) -> Row:
    summary = "the replica requires it and has not reported it"
    return Row(id_, "fail", stops=True, gate="ready", cause="missing", summary=summary, fix=_measure(id_))


def _measure(id_: str) -> tuple[str, ...]:
    return (f"pomhealth check {id_}, run beside the replica, shows the evidence and the steps",)


ELSEWHERE = "give a health address with -a: an agent (127.0.0.1:28081) or a replica's own health server (127.0.0.1:28080)"
