variable "session_token" {
  type      = string
  ephemeral = true
}

variable "tls_key" {
  type      = string
  ephemeral = true
}

variable "signing_key" {
  type      = string
  ephemeral = true
}

variable "key_store" {
  type      = object({ base64 = string, password = string })
  ephemeral = true
}

# A JSON web token. Its structure is checked before it is stored.
resource "coffer_secret" "token" {
  name   = "app/session-token"
  jwt_wo = var.session_token
}

# A private key in any usual encoding; another encoding of the same key is no change.
resource "coffer_secret" "tls" {
  name = "app/tls-key"

  private_key_wo = {
    pem = var.tls_key
  }
}

# A symmetric key of the right size for what it is for.
resource "coffer_secret" "signing" {
  name = "app/signing-key"

  secret_key_wo = {
    base64    = var.signing_key
    algorithm = "HMAC-SHA256"
  }
}

# A key store with its password. Packing the same entries again is no change.
resource "coffer_secret" "store" {
  name = "app/key-store"

  key_store_wo = {
    base64     = var.key_store.base64
    password   = var.key_store.password
    format     = "PKCS12"
    comparison = "semantic"
  }
}
