"""Uses a client that was generated from the OpenAPI document: python3 generated-client.py <address of global>, with the client's folder
as the current one. Prints what each call answered, as one JSON object."""

import json
import sys

sys.path.insert(0, ".")
from client import Client  # noqa: E402
from client.api.history import get_diff, get_revisions, get_revisions_revision_status, post_revisions_revision_rollback  # noqa: E402
from client.api.timeout import delete_meshes_mesh_timeouts_name as delete  # noqa: E402
from client.api.timeout import get_meshes_mesh_timeouts as list_all  # noqa: E402
from client.api.timeout import get_meshes_mesh_timeouts_name as get  # noqa: E402
from client.api.timeout import put_meshes_mesh_timeouts_name as put  # noqa: E402
from client.models import GetRevisionsRevisionStatusWait, Rollback, Timeout  # noqa: E402

client = Client(base_url=sys.argv[1])


def timeout(connect: str) -> Timeout:
    every = [{"match": {"kuma.io/service": "*"}}]
    document = {"type": "Timeout", "mesh": "default", "name": "generated"}
    return Timeout.from_dict({**document, "sources": every, "destinations": every, "conf": {"connectTimeout": connect}})


def revision(response) -> int:
    return int(response.headers["Atoll-Revision"])


answers = {}
created = put.sync_detailed("default", "generated", client=client, body=timeout("5s"), if_none_match="*")
answers["created"] = created.status_code
again = put.sync_detailed("default", "generated", client=client, body=timeout("5s"), if_none_match="*")
answers["again"] = [again.status_code, again.parsed.title]
updated = put.sync_detailed("default", "generated", client=client, body=timeout("7s"), atoll_reason="slower")
answers["updated"] = updated.status_code
nothing = Timeout.from_dict({**timeout("5s").to_dict(), "conf": None})
answers["refused"] = put.sync("default", "generated", client=client, body=nothing).invalid_parameters[0].to_dict()
answers["item"] = get.sync("default", "generated", client=client).to_dict()["conf"]
answers["listed"] = [item.name for item in list_all.sync("default", client=client).items]
status = get_revisions_revision_status.sync(
    str(revision(updated)), client=client, wait=GetRevisionsRevisionStatusWait.APPLIED, timeout="10s"
)
answers["applied"] = status.done
answers["history"] = get_revisions.sync_detailed(client=client).status_code
answers["diff"] = get_diff.sync_detailed(client=client, from_=str(revision(created)), to=str(revision(updated))).status_code
back = post_revisions_revision_rollback.sync_detailed(
    str(revision(created)), client=client, body=Rollback.from_dict({"reason": "too slow"})
)
answers["rolled back"] = back.status_code
answers["item then"] = get.sync("default", "generated", client=client).to_dict()["conf"]
answers["deleted"] = delete.sync_detailed("default", "generated", client=client).status_code
answers["gone"] = get.sync("default", "generated", client=client).status
print(json.dumps(answers))
