//! The schema of a data source: its properties, their options, and their description in JSON.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::ids;

/// The kind of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyKind {
    /// The title; each data source has exactly one.
    Title,
    /// Text.
    RichText,
    /// A number.
    Number,
    /// Yes or no, never empty.
    Checkbox,
    /// A date or a point in time, perhaps with an end.
    Date,
    /// One of some options; writing an unknown one creates it.
    Select {
        /// The names of the options.
        options: Vec<String>,
    },
    /// Any of some options.
    MultiSelect {
        /// The names of the options.
        options: Vec<String>,
    },
    /// One of some options, each in a group; writing an unknown one is refused.
    Status {
        /// The names of the groups, each with those of its options.
        groups: Vec<(String, Vec<String>)>,
    },
    /// A computed number; cannot be written through the API.
    Formula,
    /// Users.
    People,
    /// A URL.
    Url,
    /// An e-mail address.
    Email,
    /// When the page was created; cannot be written.
    CreatedTime,
    /// When the page was last edited; cannot be written.
    LastEditedTime,
}

impl PropertyKind {
    /// A select with these options.
    pub fn select<'a>(options: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Select { options: options.into_iter().map(str::to_owned).collect() }
    }

    /// A status with these options in the three groups that Notion gives it.
    pub fn status(to_do: &[&str], in_progress: &[&str], complete: &[&str]) -> Self {
        let group = |name: &str, options: &[&str]| {
            (name.to_owned(), options.iter().map(|option| (*option).to_owned()).collect())
        };
        Self::Status {
            groups: vec![group("To-do", to_do), group("In progress", in_progress), group("Complete", complete)],
        }
    }

    /// The name of the kind in JSON.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::RichText => "rich_text",
            Self::Number => "number",
            Self::Checkbox => "checkbox",
            Self::Date => "date",
            Self::Select { .. } => "select",
            Self::MultiSelect { .. } => "multi_select",
            Self::Status { .. } => "status",
            Self::Formula => "formula",
            Self::People => "people",
            Self::Url => "url",
            Self::Email => "email",
            Self::CreatedTime => "created_time",
            Self::LastEditedTime => "last_edited_time",
        }
    }
}

/// The properties of a new data source, in their order.
pub type Schema = Vec<(String, PropertyKind)>;

/// The schema of a Job Log as the watched service keeps it.
pub fn job_log_schema() -> Schema {
    use PropertyKind::{Date, Number, RichText, Title};
    let statuses = ["Queued", "Processing", "Done", "Completed", "Failed", "Cancelled"];
    let tasks = ["Outline", "Draft", "Review", "Summary"];
    named([
        ("Job Name", Title),
        ("QA Score", Number),
        ("Cost", Number),
        ("Status", PropertyKind::select(statuses)),
        ("Notes", RichText),
        ("Timestamp", Date),
        ("Commit", RichText),
        ("Task Type", PropertyKind::select(tasks)),
        ("Duration (ms)", Number),
        ("Tokens In", Number),
        ("Tokens Out", Number),
    ])
}

/// The schema of a Status Board with all properties that a monitor may fill.
pub fn status_board_schema() -> Schema {
    use PropertyKind::{Checkbox, Date, Number, RichText, Title};
    named([
        ("Name", Title),
        ("When", Date),
        ("OK", Checkbox),
        ("Jobs (24h)", Number),
        ("Avg QA (24h)", Number),
        ("Low-QA Count", Number),
        ("Commit", RichText),
        ("Branch", RichText),
        ("Notes", RichText),
    ])
}

fn named<const N: usize>(properties: [(&str, PropertyKind); N]) -> Schema {
    properties.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

/// An option of a select, multi-select or status property.
pub(super) struct Choice {
    pub(super) id: Uuid,
    pub(super) name: String,
    /// Its place in the groups of a status.
    pub(super) group: Option<usize>,
    /// `{"id":…,"name":…,"color":…}`, as rows show it.
    pub(super) json: String,
}

/// A property of a data source.
pub(super) struct Property {
    /// The id that lasts over renaming, as it is; JSON shows it percent-encoded.
    pub(super) id: String,
    pub(super) name: String,
    /// The name that it was created with: how `JobRow`s find it again.
    pub(super) first_name: String,
    pub(super) kind: PropertyKind,
    pub(super) choices: Vec<Choice>,
    /// Where a row keeps its value; never used again for another property.
    pub(super) slot: usize,
    /// `"Status":{"id":"%3AUPp","type":"select","select":`, the same in every row.
    pub(super) head: String,
}

const COLORS: [&str; 9] = ["gray", "blue", "green", "yellow", "red", "orange", "purple", "pink", "brown"];

impl Property {
    pub(super) fn new(name: String, kind: PropertyKind, slot: usize) -> Self {
        let mut property = Self {
            id: property_id(&kind, slot),
            first_name: name.clone(),
            name: String::new(),
            choices: Vec::new(),
            slot,
            head: String::new(),
            kind,
        };
        property.rename(name);
        match property.kind.clone() {
            PropertyKind::Select { options } | PropertyKind::MultiSelect { options } => {
                options.iter().for_each(|option| property.add_choice(option, None));
            }
            PropertyKind::Status { groups } => {
                for (group, (_, options)) in groups.iter().enumerate() {
                    options.iter().for_each(|option| property.add_choice(option, Some(group)));
                }
            }
            _ => {}
        }
        property
    }

    pub(super) fn rename(&mut self, name: String) {
        let key = self.kind.key();
        self.head =
            format!("{}:{{\"id\":\"{}\",\"type\":\"{key}\",\"{key}\":", Value::from(name.as_str()), self.wire_id());
        self.name = name;
    }

    /// The id as JSON shows it.
    pub(super) fn wire_id(&self) -> String {
        utf8_percent_encode(&self.id, NON_ALPHANUMERIC).to_string()
    }

    /// Whether a body means this property by `name_or_id`; ids are taken encoded or not.
    pub(super) fn is(&self, name_or_id: &str) -> bool {
        self.name == name_or_id
            || self.id == name_or_id
            || percent_decode_str(name_or_id).decode_utf8().is_ok_and(|decoded| decoded == self.id)
    }

    /// The number of the option `name`.
    pub(super) fn choice(&self, name: &str) -> Option<usize> {
        self.choices.iter().position(|choice| choice.name == name)
    }

    pub(super) fn add_choice(&mut self, name: &str, group: Option<usize>) {
        let id = ids::random();
        let color = COLORS[self.choices.len() % COLORS.len()];
        let json = json!({"id": id.to_string(), "name": name, "color": color}).to_string();
        self.choices.push(Choice { id, name: name.to_owned(), group, json });
    }

    /// The property in a schema.
    pub(super) fn describe(&self) -> Value {
        let options: Vec<Value> =
            self.choices.iter().filter_map(|choice| serde_json::from_str(&choice.json).ok()).collect();
        let details = match &self.kind {
            PropertyKind::Number => json!({"format": "number"}),
            PropertyKind::Formula => json!({"expression": "dateBetween(now(), prop(\"Created\"), \"minutes\")"}),
            PropertyKind::Select { .. } | PropertyKind::MultiSelect { .. } => json!({"options": options}),
            PropertyKind::Status { groups } => {
                let groups = groups.iter().enumerate().map(|(place, (name, _))| {
                    let members = self.choices.iter().filter(|choice| choice.group == Some(place));
                    let members: Vec<_> = members.map(|choice| choice.id.to_string()).collect();
                    json!({"id": Uuid::from_u128(place as u128 + 1).to_string(), "name": name, "color": COLORS[place % COLORS.len()],
                           "option_ids": members})
                });
                json!({"options": options, "groups": groups.collect::<Vec<_>>()})
            }
            _ => json!({}),
        };
        let key = self.kind.key();
        json!({"id": self.wire_id(), "name": self.name, "description": null, "type": key, key: details})
    }
}

/// An id like those of Notion: four characters, some of which have to be encoded in a URL.
fn property_id(kind: &PropertyKind, slot: usize) -> String {
    const ODD: [char; 8] = [':', ']', '|', '^', '@', '{', ';', '='];
    if *kind == PropertyKind::Title {
        return "title".to_owned();
    }
    let letter = |shift: usize| char::from(b'A' + u8::try_from((slot * 7 + shift) % 26).unwrap_or(0));
    [ODD[slot % ODD.len()], letter(0), letter(11), char::from_digit((slot / 8) as u32 % 36, 36).unwrap_or('0')]
        .into_iter()
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_last_over_renaming_and_are_shown_encoded() {
        let mut properties: Vec<_> =
            (0..60).map(|slot| Property::new(format!("p{slot}"), PropertyKind::Number, slot)).collect();
        let mut ids: Vec<_> = properties.iter().map(|property| property.id.clone()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 60);
        let property = &mut properties[0];
        let shown = property.describe()["id"].as_str().unwrap().to_owned();
        assert!(shown.starts_with("%3A"), "{shown}");
        property.rename("renamed".to_owned());
        assert!(property.is("renamed") && property.is(&shown) && property.is(":AL0") && !property.is("p0"));
    }
}
