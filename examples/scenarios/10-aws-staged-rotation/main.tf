terraform {
  required_version = ">= 1.11"

  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "database_password" {
  type      = string
  ephemeral = true
}

variable "next_password" {
  type      = string
  ephemeral = true
}

variable "stage" {
  description = "pending: the next password waits as AWSPENDING. current: it is AWSCURRENT."
  type        = string
  default     = "pending"
}

variable "owner" {
  type    = string
  default = "team-alpha"
}

provider "coffer" {
  default_profile = "aws"

  profiles = {
    aws = {
      aws_secrets_manager = {
        region = var.region
      }
    }
  }
}

# create_secret, tag_resource, delete_secret and restore_secret of the program.
resource "coffer_secret" "database" {
  name           = "app/database-password"
  description    = "Password of the application's database"
  value_wo       = var.database_password
  manage_content = "initial"

  tags = {
    owner = var.owner
  }

  recovery_window_days = 7
}

# put_secret_value with a staging label, and update_secret_version_stage.
resource "coffer_secret_version" "next" {
  secret_id      = coffer_secret.database.id
  value_wo       = var.next_password
  rotation_state = var.stage
}

# get_secret_value; the value reaches neither state nor plan.
ephemeral "coffer_secret" "database" {
  id = coffer_secret.database.id
}

output "arn" {
  value = coffer_secret.database.backend_id
}
