//! Writes safetensors files for tests and benches, broken ones too.

/// Writes a safetensors file.
///
/// ```
/// use weighbridge_loader::formats::build::SafetensorsBuilder;
/// let file = SafetensorsBuilder::new().tensor("x", "F32", &[2], &[0; 8]).build();
/// assert_eq!(file.get(8), Some(&b'{'));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SafetensorsBuilder {
    entries: Vec<String>,
    metadata: Vec<String>,
    json: Option<Vec<u8>>,
    length: Option<u64>,
    data: Vec<u8>,
}

impl SafetensorsBuilder {
    /// An empty file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry of `__metadata__`.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.push(format!("{}:{}", quoted(key), quoted(value)));
        self
    }

    /// Adds a tensor behind the others, with its data.
    #[must_use]
    pub fn tensor(mut self, name: &str, dtype: &str, shape: &[u64], data: &[u8]) -> Self {
        let start = self.data.len();
        self.data.extend(data);
        let end = self.data.len();
        self.entries.push(format!(
            "{}:{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}",
            quoted(name)
        ));
        self
    }

    /// Adds an entry as it is: `"x":{…}`.
    #[must_use]
    pub fn raw_entry(mut self, entry: &str) -> Self {
        self.entries.push(entry.into());
        self
    }

    /// Writes this instead of the header's JSON.
    #[must_use]
    pub fn json(mut self, json: &[u8]) -> Self {
        self.json = Some(json.to_vec());
        self
    }

    /// Writes another length of the header than it has.
    #[must_use]
    pub fn claim_length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// Adds bytes to the data.
    #[must_use]
    pub fn data(mut self, data: &[u8]) -> Self {
        self.data.extend(data);
        self
    }

    /// The whole file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let json = self.json.clone().unwrap_or_else(|| {
            let described =
                (!self.metadata.is_empty()).then(|| format!("\"__metadata__\":{{{}}}", self.metadata.join(",")));
            let entries: Vec<String> = described.into_iter().chain(self.entries.iter().cloned()).collect();
            format!("{{{}}}", entries.join(",")).into_bytes()
        });
        let mut file = self.length.unwrap_or(json.len() as u64).to_le_bytes().to_vec();
        file.extend(json);
        file.extend(&self.data);
        file
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
