//! Which object a call is about, for the log lines of the call.
//!
//! Responsible for writing the type name of a request into the call's span, under the field names
//! of the Go SDK. The span is opened by the transport, with these fields empty.

use tonic::Request;
use tracing::Span;

use super::proto;

/// A request that names an object.
pub(super) trait Subject {
    /// Name of the log field.
    const FIELD: &'static str;

    /// Type or function name.
    fn name(&self) -> &str;
}

/// Takes the message out of a request and notes what it is about.
pub(super) fn named<T: Subject>(request: Request<T>) -> T {
    let message = request.into_inner();
    Span::current().record(T::FIELD, message.name());
    message
}

macro_rules! subjects {
    ($($field:literal: $($module:ident . $name:ident),+;)+) => {
        $($(
            impl Subject for proto::$module::Request {
                const FIELD: &'static str = $field;

                fn name(&self) -> &str {
                    &self.$name
                }
            }
        )+)+
    };
}

subjects! {
    "tf_resource_type":
        validate_resource_config.type_name,
        upgrade_resource_state.type_name,
        upgrade_resource_identity.type_name,
        read_resource.type_name,
        plan_resource_change.type_name,
        apply_resource_change.type_name,
        import_resource_state.type_name,
        move_resource_state.target_type_name,
        generate_resource_config.type_name;
    "tf_data_source_type":
        validate_data_resource_config.type_name,
        read_data_source.type_name;
    "tf_ephemeral_resource_type":
        validate_ephemeral_resource_config.type_name,
        open_ephemeral_resource.type_name,
        renew_ephemeral_resource.type_name,
        close_ephemeral_resource.type_name;
    "tf_list_resource_type":
        validate_list_resource_config.type_name,
        list_resource.type_name;
    "tf_action_type":
        validate_action_config.type_name,
        plan_action.action_type,
        invoke_action.action_type;
    "tf_function_name":
        call_function.name;
}
