data "coffer_secret_versions" "example" {
  secret_id = "local/app/database-password"
}

# The number of the version that a roll back would go to, if there is one.
output "previous" {
  value = one([
    for version in data.coffer_secret_versions.example.versions :
    version.number if contains(version.rotation_states, "previous")
  ])
}
