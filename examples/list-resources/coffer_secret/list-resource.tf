# Stands in a file *.tfquery.hcl. Then:
#   terraform query                                   lists
#   terraform query -generate-config-out=found.tf     also writes configuration and import blocks
list "coffer_secret" "app" {
  provider         = coffer
  include_resource = true

  config {
    name_glob = "app/**"
    tags      = { team = "payments" }
  }
}
