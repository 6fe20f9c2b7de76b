//! Servers that play a vendor's service, in this process. Each is judged by the vendor's own
//! unmodified client before coffer is tested against it.

pub mod azure_key_vault;
pub mod oci_vault;
