//! Tools whose effects a harness can count. They exist only in builds with the
//! feature `faults`, and there only where the address of a harness is given.

use std::collections::HashMap;

use domain::{
    permission::Action,
    tool::{
        ToolClass::{Idempotent, Read, Unsafe},
        ToolSpec,
    },
};

use crate::{Toolbox, catalogue};

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {"text": {"type": "string", "maxLength": 200}},
    "required": ["text"],
    "additionalProperties": false
}"#;

const PROBES: [ToolSpec; 3] = [
    ToolSpec {
        name: "probe_read",
        title: "Ask the probe",
        description: "Asks the probe outside of the service; nothing changes there.",
        schema: SCHEMA,
        class: Read,
        actions: &[],
    },
    ToolSpec {
        name: "probe_idempotent",
        title: "Tell the probe once",
        description: "Has an effect outside of the service that the receiver knows by its key.",
        schema: SCHEMA,
        class: Idempotent,
        actions: &[Action::UseConnector],
    },
    ToolSpec {
        name: "probe_unsafe",
        title: "Tell the probe",
        description: "Has an effect outside of the service, one for each time that it is called.",
        schema: SCHEMA,
        class: Unsafe,
        actions: &[Action::UseConnector],
    },
];

impl Toolbox {
    /// The built-in tools, and the probes at this address.
    pub fn with_probes(address: &str) -> Self {
        let addresses: HashMap<_, _> = PROBES.iter().map(|tool| (tool.name, address.to_owned())).collect();
        Self::of([catalogue::builtins(), PROBES.to_vec()].concat(), addresses)
    }
}
