//! QMP: requests and answers as JSON.

use super::command::Command;
use super::error::MonitorError;
use super::json::Text;
use super::{Monitor, Target, version};
use serde_json::{Map, Value, json};

/// One connection's side of the protocol.
#[derive(Clone, Debug, Default)]
pub struct QmpSession {
    /// The client has sent `qmp_capabilities`
    negotiated: bool,
    /// Answers are spread over lines
    pretty: bool,
}

/// A request that is well-formed.
struct Request {
    name: String,
    arguments: Value,
}

/// Parses a request.
fn request(members: Map<String, Value>) -> Result<Request, MonitorError> {
    let (mut name, mut arguments) = (None, Value::Object(Map::new()));
    for (member, value) in members {
        match member.as_str() {
            "execute" => name = Some(value),
            "arguments" if value.is_object() => arguments = value,
            "arguments" => return Err(MonitorError::new("QMP input member 'arguments' must be an object")),
            "id" => {}
            _ => return Err(MonitorError::new(format!("QMP input member '{member}' is unexpected"))),
        }
    }
    match name {
        Some(Value::String(name)) => Ok(Request { name, arguments }),
        Some(_) => Err(MonitorError::new("QMP input member 'execute' must be a string")),
        None => Err(MonitorError::new("QMP input lacks member 'execute'")),
    }
}

impl QmpSession {
    /// Returns a connection that has just begun.
    pub fn new(pretty: bool) -> Self {
        Self { negotiated: false, pretty }
    }

    /// Returns whether the connection is sent events.
    pub fn wants_events(&self) -> bool {
        self.negotiated
    }

    /// Returns what the client is sent first.
    pub fn greeting(&self) -> String {
        self.print(&json!({ "QMP": { "version": version(), "capabilities": [] } }))
    }

    /// Returns a text to send, with the line break that ends it.
    pub fn print(&self, value: &Value) -> String {
        let text = if self.pretty { format!("{value:#}") } else { value.to_string() };
        text.replace('\n', "\r\n") + "\r\n"
    }

    /// Carries a request out. Returns the answer.
    pub fn handle(&mut self, text: &Text, monitor: &mut Monitor, target: &mut Target<'_>) -> String {
        let (id, result) = self.parse_and_run(text, monitor, target);
        let mut answer = Map::new();
        match result {
            Ok(value) => answer.insert("return".into(), value),
            Err(error) => answer.insert("error".into(), error.to_json()),
        };
        answer.extend(id.map(|id| ("id".to_owned(), id)));
        self.print(&Value::Object(answer))
    }

    fn parse_and_run(
        &mut self,
        text: &Text,
        monitor: &mut Monitor,
        target: &mut Target<'_>,
    ) -> (Option<Value>, Result<Value, MonitorError>) {
        let text = match text {
            Text::Complete(text) => text,
            Text::TooLong => {
                return (None, Err(MonitorError::new("JSON parse error, the request is too long")));
            }
        };
        let members = match serde_json::from_str(text) {
            Ok(Value::Object(members)) => members,
            Ok(_) => return (None, Err(MonitorError::new("QMP input must be a JSON object"))),
            Err(error) => return (None, Err(MonitorError::new(format!("JSON parse error, {error}")))),
        };
        let id = members.get("id").cloned();
        let result = request(members).and_then(|request| self.run(request, monitor, target));
        (id, result)
    }

    fn run(
        &mut self,
        Request { name, arguments }: Request,
        monitor: &mut Monitor,
        target: &mut Target<'_>,
    ) -> Result<Value, MonitorError> {
        if name == "qmp_capabilities" {
            return self.negotiate(&arguments);
        }
        if !self.negotiated {
            let desc = "Expecting capabilities negotiation with 'qmp_capabilities'";
            return Err(MonitorError::command(desc));
        }
        monitor.execute(Command::parse(&name, arguments)?, target)
    }

    fn negotiate(&mut self, arguments: &Value) -> Result<Value, MonitorError> {
        if self.negotiated {
            let desc = "Capabilities negotiation is already complete, command ignored";
            return Err(MonitorError::command(desc));
        }
        let wanted = arguments.get("enable").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(capability) = wanted.first() {
            let name = capability.as_str().unwrap_or("that");
            return Err(MonitorError::new(format!("Capability {name} not available")));
        }
        self.negotiated = true;
        Ok(json!({}))
    }
}
