provider "coffer" {
  default_profile = "prod"

  profiles = {
    # Signs in with the environment, a profile of ~/.aws/config, SSO, or the role of the machine.
    prod = {
      aws_secrets_manager = {
        region = "eu-central-1"
      }
      tags = { managed-by = "coffer" }
    }

    # Another account, through a role.
    audit = {
      aws_secrets_manager = {
        region                  = "eu-central-1"
        assume_role_arn         = "arn:aws:iam::123456789012:role/coffer"
        assume_role_external_id = "audit"
      }
    }
  }
}

resource "coffer_secret" "database" {
  name                 = "app/database"
  recovery_window_days = 7

  generate = {
    kind   = "password"
    length = 32
  }

  options = {
    aws_secrets_manager = {
      kms_key_id      = "alias/app"
      replica_regions = { "eu-west-1" = "alias/app" }
    }
  }
}
