"""The flow of the SecretClient documentation, with every check of the clients on."""

import json
import os
import time
from datetime import datetime, timedelta, timezone

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.identity import ClientSecretCredential, WorkloadIdentityCredential
from azure.keyvault.secrets import KeyVaultSecretIdentifier, SecretClient

VAULT, LOCAL = os.environ["VAULT_URL"], os.environ["LOCAL_URL"]
TENANT, APP = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]


def credential(secret=os.environ["AZURE_CLIENT_SECRET"]):
    return ClientSecretCredential(TENANT, APP, secret, disable_instance_discovery=True)


def fails(kind, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind as problem:
        return problem
    raise AssertionError(f"{call} did not fail with {kind}")


client = SecretClient(vault_url=VAULT, credential=credential())

# Storing and reading.
secret = client.set_secret("database-password", "super-secret-password")
assert secret.name == "database-password" and secret.value == "super-secret-password"
assert secret.id.startswith(VAULT + "/secrets/database-password/")
assert client.get_secret("database-password").value == "super-secret-password"
assert [p.name for p in client.list_properties_of_secrets()] == ["database-password"]

# Metadata and expiry.
expiry = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=365)
client.set_secret(
    "api-key", "sk-1234567890abcdef", content_type="text/plain", expires_on=expiry,
    tags={"environment": "production", "owner": "team-alpha"},
)
changed = client.update_secret_properties(
    "api-key", tags={"environment": "production", "owner": "team-beta"}
)
assert changed.tags["owner"] == "team-beta" and changed.expires_on == expiry
assert changed.content_type == "text/plain" and changed.enabled
assert changed.recovery_level == "Recoverable+Purgeable" and changed.recoverable_days == 90
assert client.update_secret_properties("api-key", tags={}).tags in (None, {})
client.update_secret_properties("api-key", enabled=False)
problem = fails(HttpResponseError, client.get_secret, "api-key")
assert problem.status_code == 403
assert problem.error.innererror["code"] == "SecretDisabled", problem.error.innererror
client.update_secret_properties("api-key", enabled=True)

# Versions.
first = client.set_secret("connection-string", "Server=old-server;Database=app")
second = client.set_secret("connection-string", "Server=new-server;Database=app")
assert client.get_secret("connection-string").value.startswith("Server=new")
old = client.get_secret("connection-string", version=first.properties.version)
assert old.value == "Server=old-server;Database=app"
versions = [p.version for p in client.list_properties_of_secret_versions("connection-string")]
assert sorted(versions) == sorted([first.properties.version, second.properties.version])
assert versions == sorted(versions)
identifier = KeyVaultSecretIdentifier(second.id)
assert (identifier.name, identifier.version) == ("connection-string", second.properties.version)

# Pages.
for number in range(28):
    client.set_secret(f"page-{number:02}", "v")
assert len(list(client.list_properties_of_secrets())) == 31
pages = [len(list(page)) for page in client.list_properties_of_secrets(max_page_size=10).by_page()]
assert pages == [10, 10, 10, 1], pages

# Content of other types.
config = json.dumps({"database_url": "postgresql://user:pass@host:5432/db", "debug": False})
client.set_secret("app-config", config, content_type="application/json")
assert json.loads(client.get_secret("app-config").value)["debug"] is False
pem = "-----BEGIN CERTIFICATE-----\nMIIDXTCCAkWgAwIBAgIJ\n-----END CERTIFICATE-----"
client.set_secret("ssl-certificate", pem, content_type="application/x-pem-file")
assert client.get_secret("ssl-certificate").value == pem

# Deletion, recovery, purge.
client.set_secret("important-secret", "one")
backup = client.backup_secret("important-secret")
poller = client.begin_delete_secret("important-secret", _polling_interval=0)
deleted = poller.result()
assert deleted.recovery_id and deleted.deleted_date
assert deleted.scheduled_purge_date - deleted.deleted_date == timedelta(days=90)
fails(ResourceNotFoundError, client.get_secret, "important-secret")
problem = fails(ResourceExistsError, client.set_secret, "important-secret", "two")
assert problem.error.innererror["code"] == "ObjectIsBeingDeleted", problem.error.innererror
poller.wait()
problem = fails(ResourceExistsError, client.set_secret, "important-secret", "two")
assert problem.error.innererror["code"] == "ObjectIsDeletedButRecoverable"
assert client.get_deleted_secret("important-secret").name == "important-secret"
assert [d.name for d in client.list_deleted_secrets()] == ["important-secret"]
fails(ResourceExistsError, client.restore_secret_backup, backup)
recovery = client.begin_recover_deleted_secret("important-secret", _polling_interval=0)
recovery.wait()
assert client.get_secret("important-secret").value == "one"
client.begin_delete_secret("important-secret", _polling_interval=0).wait()
client.purge_deleted_secret("important-secret")
fails(ResourceNotFoundError, client.get_deleted_secret, "important-secret")
restored = client.restore_secret_backup(backup)
assert restored.name == "important-secret"
assert client.get_secret("important-secret").value == "one"

# Errors.
problem = fails(ResourceNotFoundError, client.get_secret, "nothing-here")
assert problem.error.code == "SecretNotFound"
fails(HttpResponseError, client.set_secret, "too-long", "x" * 25601)
fails(HttpResponseError, client.set_secret, "too-many", "x", tags={f"t{n}": "v" for n in range(16)})

# Another sign-in, and wrong ones.
fails(ClientAuthenticationError, SecretClient(VAULT, credential("wrong")).get_secret, "a")
local = SecretClient(LOCAL, credential(), verify_challenge_resource=False)
local.set_secret("local", "v")
assert local.get_secret("local").value == "v"
# The vault's resource is not above the host: no token is sent.
fails(ValueError, SecretClient(LOCAL, credential()).get_secret, "local")
fails(ServiceRequestError, SecretClient(VAULT.replace("https", "http"), credential()).get_secret, "a")

print("all as documented")
