//! The API's certificate from files: what is wrong with them is said, and what changes is shown without a restart.

use scaleout_tests::harness::{Cluster, MOMENT, Output, until};

use super::tls_world::{Ca, elsewhere};

#[tokio::test]
async fn a_certificate_from_files_is_checked_and_exchanged() {
    let (ca, next) = (Ca::new("The first"), Ca::new("The next"));
    let mut cluster = Cluster::new(&[]).await;
    let (good, expired) = (ca.issue(&["127.0.0.1"], false), ca.issue(&["127.0.0.1"], true));
    let write = |name: &str, text: &str| {
        std::fs::write(cluster.path(name), text).unwrap();
        cluster.path(name)
    };
    let (certificate, key) = (write("api.pem", &good.certificate), write("api.key", &good.key));
    let (old, old_key) = (write("old.pem", &expired.certificate), write("old.key", &expired.key));
    let (ca_file, next_file) = (write("ca.pem", &ca.pem), write("next.pem", &next.pem));

    let run = async |certificate: &str, key: &str| -> Output {
        let variables = [
            ("SCALEOUT__MASTER__TLS", "files"),
            ("SCALEOUT__MASTER__CERTIFICATE_FILE", certificate),
            ("SCALEOUT__MASTER__KEY_FILE", key),
            ("SCALEOUT__POSTGRES__URL", &cluster.database.url),
        ];
        elsewhere(&cluster, &["master", "run", "--listen", "127.0.0.1:0"], &variables).await
    };
    run(&old, &old_key).await.refused(1, &["old.pem has expired on 2020-01-01", "renew it"]);
    run(&certificate, &old_key).await.refused(1, &["old.key is not that of the certificate in", "api.pem"]);
    run(&key, &key).await.refused(1, &["api.key (setting master.certificate_file)", "no certificate in PEM"]);
    run("/nowhere.pem", &key)
        .await
        .refused(1, &["cannot read /nowhere.pem (setting master.certificate_file)"]);

    let settings =
        [("master.tls", "files"), ("master.certificate_file", &certificate), ("master.key_file", &key)];
    cluster.start_master_unready(&settings).await;
    cluster.masters[0].url = cluster.masters[0].url.replace("http://", "https://");
    let trusting = async |file: &str| {
        let status = cluster.command(&["status"]).env("SCALEOUT_CA_FILE", file).run().await;
        if status.code == 0 { Ok(()) } else { Err(status.to_string()) }
    };
    until("the API is trusted", MOMENT, async || trusting(&ca_file).await).await;
    let pair = next.issue(&["127.0.0.1"], false);
    std::fs::write(&key, &pair.key).unwrap();
    std::fs::write(&certificate, &pair.certificate).unwrap();
    until("the API shows the next certificate", MOMENT, async || trusting(&next_file).await).await;
}
