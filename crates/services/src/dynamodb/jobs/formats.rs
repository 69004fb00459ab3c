//! What is read of objects: items as DynamoDB's JSON or as lines of CSV.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use aws_api::generated::dynamodb::types;
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::super::{keys::KeyAttribute, value, value::Item};

/// An item, or what is wrong with it.
pub(super) type Found = Result<Item, String>;

/// How objects are read.
pub(super) struct Format {
    pub is_csv: bool,
    pub is_compressed: bool,
    pub csv: types::CsvOptions,
    /// What in CSV is not a string.
    pub keys: Vec<KeyAttribute>,
}

impl Format {
    /// Goes through the items of an object until `see` has enough.
    pub(super) fn each(&self, object: &[u8], see: impl FnMut(Found) -> bool) {
        let reader: Box<dyn Read + '_> = match self.is_compressed {
            true => Box::new(MultiGzDecoder::new(object)),
            false => Box::new(object),
        };
        if self.is_csv { self.each_of_csv(reader, see) } else { each_of_json(reader, see) }
    }

    fn each_of_csv(&self, reader: impl Read, mut see: impl FnMut(Found) -> bool) {
        let delimiter = self.csv.delimiter.as_deref().and_then(|text| text.bytes().next()).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(self.csv.header_list.is_none())
            .from_reader(reader);
        let header = match &self.csv.header_list {
            Some(names) => Ok(names.clone()),
            None => reader.headers().map(|names| names.iter().map(str::to_owned).collect::<Vec<_>>()),
        };
        let header = match header {
            Ok(header) => header,
            Err(error) => {
                see(Err(error.to_string()));
                return;
            }
        };
        for line in reader.records() {
            let is_unreadable = line.as_ref().is_err_and(csv::Error::is_io_error);
            let found = line.map_err(|error| error.to_string()).and_then(|line| self.item(&header, &line));
            if !see(found) || is_unreadable {
                return;
            }
        }
    }

    /// Every attribute is a string but those of keys, which are what the table says.
    fn item(&self, header: &[String], line: &csv::StringRecord) -> Found {
        if line.len() != header.len() {
            return Err(format!("a line has {} fields where the header has {}", line.len(), header.len()));
        }
        let kind = |name: &str| self.keys.iter().find(|key| key.name == name).map(|key| key.kind.as_str());
        let value = |(name, text): (&String, &str)| -> Result<(String, types::AttributeValue), String> {
            let mut value = types::AttributeValue::default();
            match kind(name) {
                Some("N") => value.n = Some(text.to_owned()),
                Some("B") => {
                    let bytes = BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?;
                    value.b = Some(bytes::Bytes::from(bytes).into());
                }
                _ => value.s = Some(text.to_owned()),
            }
            Ok((name.clone(), value))
        };
        let attributes: BTreeMap<_, _> = header.iter().zip(line).map(value).collect::<Result<_, _>>()?;
        value::read(attributes).map_err(|error| error.message)
    }
}

/// What stands in a file: an object for each item, on lines of their own or not.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "Item")]
    item: BTreeMap<String, types::AttributeValue>,
}

fn each_of_json(reader: impl Read, mut see: impl FnMut(Found) -> bool) {
    let reader = io::BufReader::new(reader);
    for entry in serde_json::Deserializer::from_reader(reader).into_iter::<serde_json::Value>() {
        // Behind what is no JSON nobody knows where the next item begins.
        let is_unreadable = entry.is_err();
        let item = entry.and_then(serde_json::from_value::<Entry>).map_err(|error| error.to_string());
        let item = item.and_then(|entry| value::read(entry.item).map_err(|error| error.message));
        if !see(item) || is_unreadable {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn found(format: &Format, object: &[u8]) -> Vec<Result<String, String>> {
        let mut all = Vec::new();
        format.each(object, |found| {
            all.push(found.map(|item| serde_json::to_string(&value::shown(item)).unwrap()));
            true
        });
        all
    }

    fn format() -> Format {
        let key = |name: &str, kind: &str| KeyAttribute { name: name.into(), kind: kind.into() };
        Format {
            is_csv: false,
            is_compressed: false,
            csv: types::CsvOptions::default(),
            keys: vec![key("id", "S"), key("n", "N"), key("b", "B")],
        }
    }

    #[test]
    fn items_of_json_stand_one_after_another() {
        let object = br#"{"Item":{"id":{"S":"a"}}}{"Item":{"id":{"N":"1.50"}}}
            {"id":{"S":"c"}} {"Item":{"id":{"S":"d"}}} no more {"Item":{"id":{"S":"e"}}}"#;
        let all = found(&format(), object);
        assert_eq!(all[0].as_deref(), Ok(r#"{"id":{"S":"a"}}"#));
        assert_eq!(all[1].as_deref(), Ok(r#"{"id":{"N":"1.5"}}"#));
        assert!(all[2].as_ref().is_err_and(|why| why.contains("Item")));
        assert_eq!(all[3].as_deref(), Ok(r#"{"id":{"S":"d"}}"#));
        assert!(all[4].is_err());
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn lines_of_csv_are_items_of_strings_and_keys() {
        let format = Format { is_csv: true, ..format() };
        let all = found(&format, b"id,n,b,text\na,1,AQ==,\"x,y\"\nb,one,,\nc,2\n");
        assert_eq!(
            all[0].as_deref(),
            Ok(r#"{"b":{"B":"AQ=="},"id":{"S":"a"},"n":{"N":"1"},"text":{"S":"x,y"}}"#)
        );
        assert!(all[1].is_err() && all[2].is_err());
        assert_eq!(all.len(), 3);
        let header_list = Some(vec!["id".to_owned(), "text".to_owned()]);
        let csv = types::CsvOptions { delimiter: Some(";".to_owned()), header_list };
        let all = found(&Format { csv, ..format }, b"a;x\nb;y\n");
        assert_eq!(all[1].as_deref(), Ok(r#"{"id":{"S":"b"},"text":{"S":"y"}}"#));
    }

    #[test]
    fn what_is_compressed_is_read_as_far_as_it_goes() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(br#"{"Item":{"id":{"S":"a"}}}"#).unwrap();
        let object = encoder.finish().unwrap();
        let format = Format { is_compressed: true, ..format() };
        assert_eq!(found(&format, &object), [Ok(r#"{"id":{"S":"a"}}"#.to_owned())]);
        let no_gzip = found(&format, b"no gzip");
        assert!(no_gzip.len() == 1 && no_gzip[0].is_err());
    }
}
