# Needs the profiles, not the state of the sync.
data "coffer_sync_status" "prod" {
  name         = "prod"
  destinations = ["standby"]
}

# A warning in every plan and apply while a copy is not what its source is.
check "copies" {
  assert {
    condition = data.coffer_sync_status.prod.status == "synced"
    error_message = join("\n", [
      for copy in data.coffer_sync_status.prod.copies :
      "${copy.destination}/${copy.name}: ${copy.status}" if copy.status != "synced"
    ])
  }
}
