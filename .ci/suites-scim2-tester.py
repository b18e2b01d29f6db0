"""All checks of scim2-tester against one SCIM service provider; run by .ci/suites in its virtual environment.

usage: suites-scim2-tester.py BASE_URL TOKEN

Prints one JSON object a check: {"title", "resource_type", "status", "reason", "good"}. `good` is null for a check that
was skipped. A DEVIATION, which the RFC's SHOULD allows, is not good.
"""

import json
import sys
import warnings

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

GOOD = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}


def main() -> None:
    base, token = sys.argv[1:]
    warnings.simplefilter("ignore")
    # Without trust_env: a proxy of this machine is not for a server on it.
    http = httpx2.Client(
        base_url=base.rstrip("/"), headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    )
    for check in check_server(SyncSCIMClient(http)):
        line = {
            "title": check.title,
            "resource_type": check.resource_type,
            "status": check.status.name,
            "reason": " ".join(str(check.reason or "").split()),
            "good": None if check.status == Status.SKIPPED else check.status in GOOD,
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
