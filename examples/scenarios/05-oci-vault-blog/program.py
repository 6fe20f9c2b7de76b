"""The article's functions with Oracle's SDK, for comparison with main.tf.

Needs the package `oci`. Usage: program.py VAULT KEY COMPARTMENT TARGET [ENDPOINT]
"""

import base64
import datetime
import sys

import oci
from oci.vault import models

ACTIVE = models.Secret.LIFECYCLE_STATE_ACTIVE


def content(text):
    encoded = base64.b64encode(text.encode()).decode()
    return models.Base64SecretContentDetails(content_type="BASE64", content=encoded)


def create_secret(vaults, compartment_id, text, name, vault_id, key_id):
    details = models.CreateSecretDetails(
        compartment_id=compartment_id, description="This is just a test",
        secret_content=content(text), secret_name=name, vault_id=vault_id, key_id=key_id)
    composite = oci.vault.VaultsClientCompositeOperations(vaults)
    return composite.create_secret_and_wait_for_state(details, wait_for_states=[ACTIVE]).data


def create_newsecret_version(vaults, text, secret_id):
    details = models.UpdateSecretDetails(secret_content=content(text))
    composite = oci.vault.VaultsClientCompositeOperations(vaults)
    return composite.update_secret_and_wait_for_state(
        secret_id, details, wait_for_states=[ACTIVE]).data


def move_secret(vaults, secret_id, target_compartment_id):
    details = models.ChangeSecretCompartmentDetails(compartment_id=target_compartment_id)
    vaults.change_secret_compartment(secret_id, details)
    return oci.wait_until(vaults, vaults.get_secret(secret_id), "lifecycle_state", ACTIVE).data


def delete_secret(vaults, secret_id, deletion_time):
    details = models.ScheduleSecretDeletionDetails(time_of_deletion=deletion_time)
    vaults.schedule_secret_deletion(secret_id, details)


def read_secret_value(secrets, secret_id):
    bundle = secrets.get_secret_bundle(secret_id).data
    return base64.b64decode(bundle.secret_bundle_content.content).decode()


def main(vault_id, key_id, compartment_id, target_compartment_id, endpoint=None):
    config = oci.config.from_file()
    more = {"service_endpoint": endpoint} if endpoint else {}
    vaults = oci.vault.VaultsClient(config, **more)
    secrets = oci.secrets.SecretsClient(config, **more)
    made = create_secret(vaults, compartment_id, "first", "program", vault_id, key_id)
    create_newsecret_version(vaults, "second", made.id)
    move_secret(vaults, made.id, target_compartment_id)
    assert read_secret_value(secrets, made.id) == "second"
    in_two_days = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)
    delete_secret(vaults, made.id, in_two_days)
    print(vaults.get_secret(made.id).data.lifecycle_state)


if __name__ == "__main__":
    main(*sys.argv[1:])
