# Everything below app/ in the default profile, to another vault of its own.
resource "coffer_secret_sync" "prod" {
  name   = "prod"
  source = { names = ["app/**"] }

  destinations = {
    standby = {
      profile     = "standby"
      key_schema  = "{{environment}}/{{secretKey}}"
      environment = "prod"
    }
  }
}
