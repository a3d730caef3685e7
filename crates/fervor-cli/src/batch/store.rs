//! Pictures, archives and tables behind addresses: `s3://`, `gs://`, `az://`, `http://` and `https://`, by the `object_store` crate, whose variables of the
//! environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME` and so on) say who asks.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use fervor::picture::Format;
use fervor::{Error, Limits, Reason, Result};
use fervor_table::job::Far;
use futures_util::{StreamExt, future};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, ObjectStoreScheme, RetryConfig};
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// How long an address is tried.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opened stores, one for each host or bucket.
pub struct Stores {
    runtime: Runtime,
    open: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
    most: u64,
}

impl Stores {
    /// None is open yet.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn new(limits: &Limits) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|e| Error::input("the threads for addresses cannot be started").with_source(e))?;
        Ok(Self { runtime, open: Mutex::default(), most: limits.bytes as u64 })
    }

    /// Hands out the addresses below an address whose names are wanted, in the store's order, and says how many others there are.
    ///
    /// # Errors
    /// The store cannot be listed, and what `found` fails with.
    pub fn each(
        &self,
        address: &str,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut dyn FnMut(String) -> Result<()>,
    ) -> Result<usize> {
        let (store, url, path) = self.open(address)?;
        let mut listed = store.list(Some(&path));
        let (mut these, mut others) = (0_usize, 0);
        while let Some(object) = self.runtime.block_on(listed.next()) {
            let object = object.map_err(|e| refused(address, e))?;
            if wanted(object.location.as_ref()) {
                these += 1;
                let mut url = url.clone();
                url.set_path(object.location.as_ref());
                found(url.into())?;
            } else {
                others += 1;
            }
        }
        if these == 0 {
            return Err(Error::input("no picture lies below this address").because(Reason::Empty).context(address));
        }
        Ok(others)
    }

    /// All that lies behind one address.
    async fn one(&self, address: &str) -> Result<Vec<u8>> {
        let (store, _, path) = self.open(address)?;
        let got = store.get(&path).await.map_err(|e| refused(address, e))?;
        let size = got.meta.size;
        if size > self.most {
            let message = format!("{size} bytes are more than the {} that are read", self.most);
            return Err(Error::input(message).because(Reason::TooLarge));
        }
        Ok(got.bytes().await.map_err(|e| refused(address, e))?.to_vec())
    }

    /// The store of an address, the address taken apart, and the path in the store.
    fn open(&self, address: &str) -> Result<(Arc<dyn ObjectStore>, Url, Path)> {
        let bad = |e: &dyn std::fmt::Display| Error::input(format!("not an address: {e}")).context(address);
        let url = Url::parse(address).map_err(|e| bad(&e))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad(&"what follows ? or # is not asked for"));
        }
        let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|e| bad(&e))?;
        let key = format!("{}://{}", url.scheme(), url.authority());
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(store) = open.get(&key) {
            return Ok((Arc::clone(store), url, path));
        }
        let retry = RetryConfig { max_retries: 3, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let client = || ClientOptions::new().with_allow_http(true).with_timeout(PATIENCE);
        let store: Arc<dyn ObjectStore> = match scheme {
            ObjectStoreScheme::AmazonS3 => {
                // A server of one's own may well speak without encryption; Amazon's does not.
                let own = std::env::var("AWS_ENDPOINT_URL").or_else(|_| std::env::var("AWS_ENDPOINT"));
                let plain = own.is_ok_and(|address| address.starts_with("http://"));
                let store = AmazonS3Builder::from_env().with_url(address).with_retry(retry).with_allow_http(plain);
                Arc::new(store.build().map_err(|e| refused(address, e))?)
            }
            ObjectStoreScheme::GoogleCloudStorage => {
                let store = GoogleCloudStorageBuilder::from_env().with_url(address).with_retry(retry);
                Arc::new(store.build().map_err(|e| refused(address, e))?)
            }
            ObjectStoreScheme::MicrosoftAzure => {
                let store = MicrosoftAzureBuilder::from_env().with_url(address).with_retry(retry);
                Arc::new(store.build().map_err(|e| refused(address, e))?)
            }
            ObjectStoreScheme::Http => {
                let store = HttpBuilder::new().with_url(&key).with_retry(retry).with_client_options(client());
                Arc::new(store.build().map_err(|e| refused(address, e))?)
            }
            _ => return Err(bad(&"only s3, gs, az, http and https are read")),
        };
        open.insert(key, Arc::clone(&store));
        Ok((store, url, path))
    }
}

impl Far for Stores {
    fn fetch(&self, addresses: &[&str]) -> Vec<Result<Vec<u8>>> {
        self.runtime.block_on(future::join_all(addresses.iter().map(|address| self.one(address))))
    }

    fn stamp(&self, address: &str) -> Result<(u64, u64)> {
        let (store, _, path) = self.open(address)?;
        let facts = self.runtime.block_on(store.head(&path)).map_err(|e| refused(address, e))?;
        Ok((facts.size, u64::try_from(facts.last_modified.timestamp_millis()).unwrap_or(0)))
    }

    fn ranges(&self, address: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (store, _, path) = self.open(address)?;
        self.runtime.block_on(store.get_ranges(&path, ranges)).map_err(|e| refused(address, e))
    }
}

/// Whether an address names a picture, and not what holds pictures.
pub fn is_picture(address: &str) -> bool {
    let name = address.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, extension)| Format::from_extension(extension).is_some())
}

fn refused(address: &str, error: object_store::Error) -> Error {
    let reason = match error {
        object_store::Error::NotFound { .. } => Reason::Missing,
        _ => Reason::Inaccessible,
    };
    // Each of its causes says all that are below it.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    Error::input("nothing can be had from this address").because(reason).with_source(cause.to_string()).context(address)
}
