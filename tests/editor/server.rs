//! The YAML language server, asked as an editor asks it: over its pipes, one message after the other. `tests/run` brings it.

use crate::harness::PATIENCE;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

pub struct Server {
    child: Child,
    stdin: ChildStdin,
    said: Receiver<Value>,
    /// What it is told when it asks for `yaml`.
    settings: Value,
    /// Whether it has asked for that.
    is_set: bool,
    /// What it is given whatever address it wants.
    schema: String,
    /// The addresses it wanted.
    pub wanted: Vec<String>,
    marks: HashMap<String, Value>,
    count: u64,
}

/// A place in a text: line and column, from 0.
pub type Place = (usize, usize);

impl Server {
    /// One that fetches every schema from its editor, and is told nothing else.
    pub fn start(schema: String) -> Server {
        Server::with(schema, json!({}))
    }

    pub fn with(schema: String, settings: Value) -> Server {
        let mut child = Command::new("node")
            .arg(brought())
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is node: `tests/run` installs it");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (tell, said) = channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(message) = message(&mut stdout) {
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let mut server =
            Server { child, stdin, said, settings, is_set: false, schema, wanted: Vec::new(), marks: HashMap::new(), count: 0 };
        let documentation = json!(["markdown", "plaintext"]);
        server.ask(
            "initialize",
            json!({ "processId": std::process::id(), "rootUri": null, "capabilities": {
                "textDocument": {
                    "completion": { "completionItem": { "snippetSupport": true, "documentationFormat": documentation } },
                    "hover": { "contentFormat": documentation },
                },
                "workspace": { "configuration": true },
            } }),
        );
        server.tell("initialized", json!({}));
        // Its editor fetches what lies in the network.
        server.tell("yaml/registerContentRequest", json!({}));
        server.tell("workspace/didChangeConfiguration", json!({ "settings": null }));
        while !server.is_set {
            server.hear();
        }
        server
    }

    /// Opens a text as a file of this name; its address.
    pub fn open(&mut self, name: &str, text: &str) -> String {
        self.count += 1;
        let uri = format!("file:///faultwire/{}/{name}", self.count);
        self.open_at(&uri, text);
        uri
    }

    pub fn open_at(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// What it offers there.
    pub fn complete(&mut self, uri: &str, at: Place) -> Vec<Offer> {
        let list = self.ask("textDocument/completion", place(uri, at));
        let items = list.get("items").unwrap_or(&list).as_array().cloned().unwrap_or_default();
        items.iter().map(Offer::read).collect()
    }

    /// What it shows of the word there.
    pub fn hover(&mut self, uri: &str, at: Place) -> String {
        let shown = self.ask("textDocument/hover", place(uri, at));
        shown["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// What it finds wrong.
    pub fn marks(&mut self, uri: &str) -> Vec<Value> {
        loop {
            if let Some(marks) = self.marks.get(uri) {
                return marks.as_array().cloned().unwrap_or_default();
            }
            self.hear();
        }
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.count += 1;
        let id = self.count;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            if let Some(mut answer) = self.hear()
                && answer["id"] == id
            {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// The next answer, if it is one. What it asks is answered, and what it tells is kept.
    fn hear(&mut self) -> Option<Value> {
        let message = self.said.recv_timeout(PATIENCE).expect("the language server answers");
        let Some(method) = message["method"].as_str() else { return Some(message) };
        let params = &message["params"];
        let mut result = Value::Null;
        match method {
            "workspace/configuration" => {
                self.is_set = true;
                let items = params["items"].as_array().cloned().unwrap_or_default();
                result = items.iter().map(|item| self.setting(item["section"].as_str().unwrap_or_default())).collect();
            }
            "vscode/content" => {
                self.wanted.push(params[0].as_str().unwrap_or_default().to_owned());
                result = self.schema.clone().into();
            }
            "textDocument/publishDiagnostics" => {
                self.marks.insert(params["uri"].as_str().unwrap_or_default().to_owned(), params["diagnostics"].clone());
            }
            _ => {}
        }
        if !message["id"].is_null() {
            self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
        }
        None
    }

    /// As an editor has it that was only installed, but for the store of schemas: nothing here is to ask the network.
    fn setting(&self, section: &str) -> Value {
        match section {
            "yaml" => {
                let mut settings = json!({ "validate": true, "hover": true, "completion": true, "schemaStore": { "enable": false } });
                if let (Value::Object(all), Value::Object(more)) = (&mut settings, self.settings.clone()) {
                    all.extend(more);
                }
                settings
            }
            "[yaml]" => json!({ "editor.tabSize": 2 }),
            "http" => json!({ "proxy": "", "proxyStrictSSL": true }),
            _ => Value::Null,
        }
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.stdin.flush().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One of its proposals.
pub struct Offer {
    pub label: String,
    /// What is written if it is taken.
    pub inserts: String,
    pub prose: String,
}

impl Offer {
    fn read(item: &Value) -> Offer {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let prose = &item["documentation"];
        Offer {
            label: text(&item["label"]),
            inserts: text(if item["textEdit"].is_null() { &item["insertText"] } else { &item["textEdit"]["newText"] }),
            prose: text(if prose.is_object() { &prose["value"] } else { prose }),
        }
    }
}

fn place(uri: &str, (line, character): Place) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
}

fn message(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// What `tests/run` has brought, no older than what it was brought by.
#[track_caller]
fn brought() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let Some(folder) = own.ancestors().skip(1).map(|folder| folder.join("editor")).find(|folder| folder.join("done").exists()) else {
        panic!("no YAML language server in the target directory: run tests/run, which brings it");
    };
    let changed = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("editor");
    for name in ["install", "package.json", "package-lock.json"] {
        assert!(changed(&source.join(name)) <= changed(&folder.join("done")), "tests/editor/{name} has changed: run tests/run");
    }
    folder.join("node_modules/yaml-language-server/bin/yaml-language-server")
}
