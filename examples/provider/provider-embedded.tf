provider "coffer" {
  default_profile = "team"

  profiles = {
    team = {
      embedded = {
        path     = "./team.coffer"
        key_file = "./team.coffer.key"
      }
    }

    sandbox = {
      embedded = {
        path = "./sandbox.coffer"
      }
    }
  }
}
