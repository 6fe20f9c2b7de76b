"""The vendor's own client, unmodified, through the whole life of a secret.

Arguments: address of the fake, path of the private key. Prints one line per step that worked.
"""

import base64
import datetime
import sys

import oci
from oci.vault import models

url, key_file, tenancy, user, fingerprint, vault, key, one, two = sys.argv[1:]
config = {
    "tenancy": tenancy, "user": user, "fingerprint": fingerprint,
    "key_file": key_file, "region": "us-ashburn-1",
}
plain = {"service_endpoint": url, "retry_strategy": oci.retry.NoneRetryStrategy(),
         "circuit_breaker_strategy": oci.circuit_breaker.NoCircuitBreakerStrategy()}
vaults = oci.vault.VaultsClient(config, **plain)
composite = oci.vault.VaultsClientCompositeOperations(vaults)
secrets = oci.secrets.SecretsClient(config, **plain)
kms = oci.key_management.KmsVaultClient(config, **plain)
ACTIVE = [models.Secret.LIFECYCLE_STATE_ACTIVE]


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def content(text, **more):
    return models.Base64SecretContentDetails(content_type="BASE64", content=encoded(text), **more)


def read(**selector):
    bundle = secrets.get_secret_bundle(secret_id, **selector).data
    assert bundle.secret_id == secret_id
    return base64.b64decode(bundle.secret_bundle_content.content).decode()


def refused(status, code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except oci.exceptions.ServiceError as error:
        assert (error.status, str(error.code)) == (status, code), error
        assert error.request_id, error
        return
    raise AssertionError(f"{call.__name__} was not refused")


def step(name):
    print(name, flush=True)


def details(name, **more):
    return models.CreateSecretDetails(
        compartment_id=one, vault_id=vault, key_id=key, secret_name=name,
        secret_content=content("one", name="first"), **more)


def stages():
    listed = oci.pagination.list_call_get_all_results(vaults.list_secret_versions, secret_id).data
    return {version.version_number: version.stages for version in listed}


assert kms.get_vault(vault).data.lifecycle_state == "ACTIVE"
step("vault")

made = composite.create_secret_and_wait_for_state(
    details("blog", description="This is just a test", freeform_tags={"a": "b"},
            metadata={"owner": "team"}), wait_for_states=ACTIVE).data
secret_id = made.id
assert made.current_version_number == 1 and made.metadata == {"owner": "team"}
refused(400, "InvalidParameter", vaults.create_secret, details("blog"))
refused(400, "InvalidParameter", vaults.create_secret, details("not/allowed"))
step("create")

assert read() == read(stage="CURRENT") == read(version_number=1) == "one"
assert read(secret_version_name="first") == "one"
refused(404, "NotAuthorizedOrNotFound", secrets.get_secret_bundle, secret_id, version_number=2)
refused(400, "InvalidParameter", secrets.get_secret_bundle, secret_id, version_number=1, stage="CURRENT")
by_name = secrets.get_secret_bundle_by_name("blog", vault).data
assert by_name.secret_id == secret_id and by_name.metadata == {"owner": "team"}
step("read")

updated = composite.update_secret_and_wait_for_state(
    secret_id, models.UpdateSecretDetails(secret_content=content("two")), wait_for_states=ACTIVE).data
assert updated.current_version_number == 2 and read() == "two"
assert stages() == {1: ["PREVIOUS"], 2: ["CURRENT", "LATEST"]}
refused(400, "InvalidParameter", vaults.update_secret, secret_id,
        models.UpdateSecretDetails(secret_content=content("x", name="first")))
refused(400, "InvalidParameter", vaults.update_secret, secret_id,
        models.UpdateSecretDetails(secret_content=content("x"), current_version_number=1))
step("new version")

vaults.update_secret(secret_id, models.UpdateSecretDetails(secret_content=content("three", stage="PENDING")))
assert stages() == {1: ["PREVIOUS"], 2: ["CURRENT"], 3: ["PENDING", "LATEST"]}
assert read() == "two" and read(stage="PENDING") == "three" and read(stage="LATEST") == "three"
vaults.update_secret(secret_id, models.UpdateSecretDetails(current_version_number=3))
assert stages() == {1: ["DEPRECATED"], 2: ["PREVIOUS"], 3: ["CURRENT", "LATEST"]}
vaults.update_secret(secret_id, models.UpdateSecretDetails(current_version_number=2))
assert read() == "two" and read(stage="PREVIOUS") == "three"
step("stage, promote, roll back")

old = vaults.get_secret(secret_id)
vaults.update_secret(secret_id, models.UpdateSecretDetails(description="new"), if_match=old.headers["etag"])
refused(412, "NoEtagMatch", vaults.update_secret, secret_id,
        models.UpdateSecretDetails(description="newer"), if_match=old.headers["etag"])
rules = [models.SecretReuseRule(rule_type="SECRET_REUSE_RULE"),
         models.SecretExpiryRule(rule_type="SECRET_EXPIRY_RULE", secret_version_expiry_interval="P30D")]
vaults.update_secret(secret_id, models.UpdateSecretDetails(secret_rules=rules))
assert len(vaults.get_secret(secret_id).data.secret_rules) == 2
refused(400, "InvalidParameter", vaults.update_secret, secret_id,
        models.UpdateSecretDetails(secret_content=content("one")))
vaults.update_secret(secret_id, models.UpdateSecretDetails(secret_rules=[]))
step("conditional update, rules")

refused(409, "IncorrectState", vaults.schedule_secret_version_deletion, secret_id, 2,
        models.ScheduleSecretVersionDeletionDetails())
vaults.schedule_secret_version_deletion(secret_id, 1, models.ScheduleSecretVersionDeletionDetails())
assert vaults.get_secret_version(secret_id, 1).data.time_of_deletion is not None
refused(404, "NotAuthorizedOrNotFound", secrets.get_secret_bundle, secret_id, version_number=1)
vaults.cancel_secret_version_deletion(secret_id, 1)
assert vaults.get_secret_version(secret_id, 1).data.time_of_deletion is None
assert len(secrets.list_secret_bundle_versions(secret_id).data) == 3
step("delete a version, cancel it")

moved = vaults.change_secret_compartment(
    secret_id, models.ChangeSecretCompartmentDetails(compartment_id=two))
waited = oci.wait_until(vaults, vaults.get_secret(secret_id), "lifecycle_state", "ACTIVE").data
assert waited.compartment_id == two and moved.headers["etag"]
assert [s.id for s in vaults.list_secrets(two, name="blog", vault_id=vault).data] == [secret_id]
assert vaults.list_secrets(one, name="blog").data == []
step("move")

target = models.FunctionTargetSystemDetails(target_system_type="FUNCTION", function_id="ocid1.fn")
refused(400, "InvalidParameter", vaults.rotate_secret, secret_id)
vaults.update_secret(secret_id, models.UpdateSecretDetails(
    rotation_config=models.RotationConfig(target_system_details=target, rotation_interval="P30D")))
assert vaults.get_secret(secret_id).data.rotation_config.target_system_details.function_id == "ocid1.fn"
assert vaults.rotate_secret(secret_id).headers["opc-work-request-id"]
step("rotate")

now = datetime.datetime.now(datetime.timezone.utc)
for days in (0.5, 31):
    refused(400, "InvalidParameter", vaults.schedule_secret_deletion, secret_id,
            models.ScheduleSecretDeletionDetails(time_of_deletion=now + datetime.timedelta(days=days)))
vaults.schedule_secret_deletion(
    secret_id, models.ScheduleSecretDeletionDetails(time_of_deletion=now + datetime.timedelta(days=2)))
assert vaults.get_secret(secret_id).data.lifecycle_state == "PENDING_DELETION"
refused(404, "NotAuthorizedOrNotFound", secrets.get_secret_bundle, secret_id)
refused(404, "NotAuthorizedOrNotFound", secrets.get_secret_bundle_by_name, "blog", vault)
refused(409, "IncorrectState", vaults.update_secret, secret_id, models.UpdateSecretDetails(description="x"))
refused(400, "InvalidParameter", vaults.create_secret, details("blog"))
vaults.cancel_secret_deletion(secret_id)
assert vaults.get_secret(secret_id).data.lifecycle_state == "ACTIVE" and read()
refused(409, "IncorrectState", vaults.cancel_secret_deletion, secret_id)
step("delete, cancel")

for number in range(7):
    vaults.create_secret(details(f"page-{number}"))
listed = oci.pagination.list_call_get_all_results(vaults.list_secrets, one, limit=3).data
assert [s.secret_name for s in listed] == [f"page-{n}" for n in reversed(range(7))], listed
named = oci.pagination.list_call_get_all_results(vaults.list_secrets, one, limit=2, sort_by="NAME").data
assert [s.secret_name for s in named] == [f"page-{n}" for n in range(7)]
refused(400, "400", vaults.list_secrets, one, lifecycle_state="PENDING_DELETION")
assert len(vaults.list_secrets(one, lifecycle_state="ACTIVE").data) == 7
step("pages")

wrong = oci.vault.VaultsClient(dict(config, fingerprint="00:" * 15 + "00"), **plain)
refused(401, "NotAuthenticated", wrong.get_secret, secret_id)
step("wrong key")
