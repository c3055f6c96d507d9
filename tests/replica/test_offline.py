"""A configuration that no replica runs."""

from __future__ import annotations

from pathlib import Path

from pomhealth.replica.offline import from_file


def test_a_file_as_the_replica_it_would_be(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("address: 127.0.0.1:1\ndebug_address: 127.0.0.1:2\ndatabroker_storage_type: file\n")
    found = from_file(str(config), {"HOME": "/h", "GRPC_ADDRESS": "127.0.0.1:3"}, "v0.32.9")
    assert {"address", "debug_address", "grpc_address"} == {one.role for one in found.endpoints}
    assert found.storage is not None
    assert found.storage.directory == "/h/.local/share/pomerium/databroker"
    assert found.release == (0, 32)
    assert None is found.main
    assert not found.awaited
    assert "debug_address" not in {one.role for one in from_file(str(config), {}, "0.31.0").endpoints}


def test_what_pomerium_would_refuse(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("services: all,sorcery\nroutes:\n  - from: a\n    to: http://b\n")
    assert [problem.line for problem in from_file(str(config), {}, None).options.problems] == [1, 3]
    assert from_file(str(tmp_path / "gone.yaml"), {}, None).options.problems
