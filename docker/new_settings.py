"""Make the settings and secrets of the containers: python3 docker/new_settings.py [--workers]

Writes into docker/secrets/, which git and the image ignore, and nobody else on this host can enter:
`orchestrator.toml`, a copy of the example with two new API keys, one for readers and one for operators, and
`metrics_key`, the operators' key for Prometheus. With --workers, also `postgres_password` and `valkey.conf`,
and in the settings the addresses of PostgreSQL and Valkey with these passwords. What is there already is
never overwritten.

Needs nothing but Python 3.8 or later.
"""

import argparse
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEYS = """
[api_keys]
"{reader}" = {{ grants = ["public"], name = "readers" }}
"{operator}" = {{ grants = ["public", "operator"], name = "operators" }}
"""
WORKERS = """
database_url = "postgresql://orchestrator:{database}@postgres:5432/orchestrator"
"""
BROKER = """
[ports]
job_broker = "celery"

[connectors.celery]
broker_url = "redis://:{broker}@valkey:6379/0"
"""
VALKEY = """# Messages are numbers of jobs; what is lost is announced again from the database.
port 6379
protected-mode no
dir /data
appendonly yes
requirepass {broker}
"""


def main() -> int:
    """Write the files; exit code 2 if one is there already."""
    parser = argparse.ArgumentParser(description="Make the settings and secrets of the containers.")
    parser.add_argument("--workers", action="store_true", help="with PostgreSQL, Valkey and workers")
    parser.add_argument("--folder", type=Path, default=HERE / "secrets", help="default: docker/secrets")
    given = parser.parse_args()
    names = ("reader", "operator", "database", "broker")
    new = {name: secrets.token_urlsafe(32) for name in names}
    # The example's tables come last: what stands above them belongs to no table.
    example = (HERE / "orchestrator.example.toml").read_text(encoding="utf-8")
    before, mark, tables = example.partition("[serve]")
    extra, broker = (WORKERS, BROKER) if given.workers else ("", "")
    settings = f"{before.rstrip()}\n{extra}\n{mark}{tables.rstrip()}\n{broker}{KEYS}"
    files = {"orchestrator.toml": settings, "metrics_key": "{operator}"}
    if given.workers:
        files.update({"postgres_password": "{database}", "valkey.conf": VALKEY})
    there = [name for name in files if (given.folder / name).exists()]
    if there:
        print(f"{given.folder} already has {', '.join(there)}. Move them away first.", file=sys.stderr)
        return 2
    given.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        file = given.folder / name
        # Containers run as users of their own and read them; on the host the folder keeps others out.
        with file.open("x", encoding="utf-8") as opened:
            opened.write(filled(text, new))
        file.chmod(0o444)
    print(f"Wrote {', '.join(files)} to {given.folder}. The API keys are in orchestrator.toml.")
    return 0


def filled(text, new):
    """A template with its secrets; other braces stay as they are."""
    for name, value in new.items():
        text = text.replace("{" + name + "}", value)
    return text.replace("{{", "{").replace("}}", "}")


if __name__ == "__main__":
    raise SystemExit(main())
