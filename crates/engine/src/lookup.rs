//! What the copilot would look up in the record, for a person who asks for it by name: without a model.

use chrono::Utc;
use chrono_tz::Tz;
use domain::{CardId, Error, Result, Role, RunId, tool::ToolClass};
use serde_json::Value;
use store::TenantTx;

use crate::{
    Engine,
    builtins::{self, Asking},
};

impl Engine {
    /// The JSON Schema of a tool's arguments; none: there is no such tool.
    pub fn schema_of(&self, tool: &str) -> Option<Value> {
        self.0.toolbox.tool(tool).and_then(|spec| serde_json::from_str(spec.schema).ok())
    }

    /// The answer of a reading tool in words, to this person of this role.
    pub async fn look_up(
        &self,
        tx: &mut TenantTx,
        (tool, arguments): (&str, &Value),
        (role, zone): (Role, Tz),
    ) -> Result<String> {
        let toolbox = &self.0.toolbox;
        let spec = toolbox.tool(tool).filter(|spec| spec.class == ToolClass::Read);
        let spec = spec.ok_or_else(|| Error::internal(format!("{tool} is no reading tool")))?;
        let call = toolbox.read(spec, &arguments.to_string()).map_err(Error::fields)?;
        let asking = Asking { bound: None, now: Utc::now(), zone };
        // No card is shown, so its id is nobody's.
        let card = CardId::derive(RunId::new(), tool);
        let outcome = builtins::read(tx, &call, asking, (card, role)).await?;
        Ok(self.door_in(tx).await?.redact_hidden(&outcome.text).into_owned())
    }
}
