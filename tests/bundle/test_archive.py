"""The archive: what is listed is what is in it, the same parts make the same bytes, and a leak is never written."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

import pytest

from pomhealth.bundle.archive import LARGEST, Leak, fitting, pack
from pomhealth.bundle.cleaner import Cleaner
from pomhealth.bundle.part import Collected, Lack, Part

AT = 1_800_000_000.5  # 2027-01-15 08:00:00 UTC
PARTS = (Part("agent/status.json", "{}\n", "the map"), Part("envoy/ready.txt", "200 LIVE\n", "Envoy"))
LACKS = (Lack("agent/log.txt", "there is no journalctl here"),)
SECRET = "correct-horse-battery"


def opened(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        members = tar.getmembers()
        assert all(one.isfile() and one.mode == 0o600 for one in members)
        files = {one.name: tar.extractfile(one) for one in members}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_the_manifest_lists_every_file_and_what_is_missing_with_why() -> None:
    files = opened(pack(Collected(PARTS, LACKS), "x", AT, Cleaner(())).data)
    assert list(files) == ["x/README.txt", "x/MANIFEST.json", "x/agent/status.json", "x/envoy/ready.txt"]
    told = json.loads(files["x/MANIFEST.json"])
    assert told["made"] == "2027-01-15T08:00:00.500Z"
    assert told["missing"] == [{"name": "agent/log.txt", "why": "there is no journalctl here"}]
    for one in told["files"]:
        data = files[f"x/{one['name']}"]
        assert (one["size"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_the_read_me_says_what_is_what_in_80_columns() -> None:
    read = opened(pack(Collected(PARTS, LACKS), "x", AT, Cleaner(())).data)["x/README.txt"].decode()
    assert "agent/status.json     the map" in read
    assert "agent/log.txt         there is no journalctl here" in read
    assert "hostnames, IP addresses" in read
    assert "No agent answered" not in read
    assert max(map(len, read.splitlines())) <= 80


def test_the_read_me_says_so_where_no_agent_answered() -> None:
    read = opened(pack(Collected(PARTS[1:], LACKS), "x", AT, Cleaner(())).data)["x/README.txt"].decode()
    assert "No agent answered: check.json" in read


def test_the_same_parts_make_the_same_bytes() -> None:
    packed = [pack(Collected(PARTS, LACKS), "x", AT, Cleaner(())).data for _ in range(2)]
    assert packed[0] == packed[1]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"x {SECRET} y", "a secret of the replica"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
        ("Cookie: session=opaque", "a cookie"),
    ],
)
def test_a_secret_in_any_part_or_name_or_reason_refuses_the_whole_and_is_not_named(
    text: str, kind: str
) -> None:
    for parts, lacks in (
        ((*PARTS, Part("bad.txt", text, "")), ()),
        ((Part(f"bad {text}", "", ""), *PARTS), ()),
        (PARTS, (Lack("bad.txt", text),)),
    ):
        with pytest.raises(Leak, match=f"^bad.* would hold {kind}$") as leak:
            pack(Collected(parts, lacks), "x", AT, Cleaner([SECRET]))
        assert SECRET not in str(leak.value)
        assert "opaque" not in str(leak.value)


def test_what_does_not_fit_is_left_out_and_said_so() -> None:
    large = Part("large.txt", "x" * (LARGEST - 100_000), "")
    also = Part("also.txt", "y" * 200_000, "")
    taken, left = fitting((large, also, *PARTS))
    assert [one.name for one in taken] == ["large.txt", "agent/status.json", "envoy/ready.txt"]
    assert [(one.name, one.why) for one in left] == [
        ("also.txt", "there is no room left for its 200000 bytes")
    ]
    data = pack(Collected((large, also, *PARTS), ()), "x", AT, Cleaner(())).data
    assert len(gzip.decompress(data)) < LARGEST + 64 * 1024
