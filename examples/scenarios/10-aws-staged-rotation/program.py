"""A staged rotation with AWS' SDK, for comparison with main.tf.

Needs the package `boto3`. Region, sign-in and endpoint are those of every tool of AWS.
Usage: program.py NAME
"""

import sys
import uuid

import boto3


def create_secret(client, name, text):
    made = client.create_secret(
        Name=name, Description="Password of the application's database", SecretString=text,
        Tags=[{"Key": "owner", "Value": "team-alpha"}])
    return made["VersionId"]


def upload_next(client, name, text):
    made = client.put_secret_value(
        SecretId=name, SecretString=text, VersionStages=["AWSPENDING"],
        ClientRequestToken=str(uuid.uuid4()))
    return made["VersionId"]


def promote(client, name, version, current):
    client.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT",
        MoveToVersionId=version, RemoveFromVersionId=current)
    client.update_secret_version_stage(
        SecretId=name, VersionStage="AWSPENDING", RemoveFromVersionId=version)


def read(client, name, stage="AWSCURRENT"):
    return client.get_secret_value(SecretId=name, VersionStage=stage)["SecretString"]


def main(name):
    client = boto3.client("secretsmanager")
    first = create_secret(client, name, "first")
    second = upload_next(client, name, "second")
    assert (read(client, name), read(client, name, "AWSPENDING")) == ("first", "second")
    promote(client, name, second, first)
    assert (read(client, name), read(client, name, "AWSPREVIOUS")) == ("second", "first")
    client.tag_resource(SecretId=name, Tags=[{"Key": "owner", "Value": "team-beta"}])
    client.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    client.restore_secret(SecretId=name)
    print(read(client, name))
    client.delete_secret(SecretId=name, RecoveryWindowInDays=7)


if __name__ == "__main__":
    main(*sys.argv[1:])
