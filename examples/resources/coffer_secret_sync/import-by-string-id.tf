import {
  to = coffer_secret_sync.prod
  id = "prod.5f0c6d2b8e914a7f9d3e1b7a4c28f06e"
}
