terraform {
  required_version = ">= 1.11"

  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {
  default_profile = "app"

  profiles = {
    app    = { embedded = { path = "./app.coffer" } }
    mirror = { embedded = { path = "./mirror.coffer" } }
  }
}

variable "api_token" {
  type      = string
  ephemeral = true
}

resource "coffer_secret" "token" {
  name        = "service/api-token"
  api_key_wo  = var.api_token
  description = "Token of the payment service"

  tags = {
    owner = "payments"
  }
}

# The same token in a second vault, under a name made from a template.
resource "coffer_secret" "mirrored" {
  profile    = "mirror"
  name       = provider::coffer::render_key("{{environment}}-{{secretKey}}", "api-token", { environment = "prod" })
  api_key_wo = var.api_token
}

output "versions" {
  value = {
    token    = coffer_secret.token.version
    mirrored = coffer_secret.mirrored.version
  }
}
