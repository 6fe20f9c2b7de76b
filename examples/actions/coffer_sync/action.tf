# terraform apply -invoke=action.coffer_sync.prod
action "coffer_sync" "prod" {
  config {
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
}
