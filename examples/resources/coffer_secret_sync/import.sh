# The id is what the tag coffer-owner of the copies says: the name of the sync, a dot, its id.
terraform import coffer_secret_sync.prod prod.5f0c6d2b8e914a7f9d3e1b7a4c28f06e
