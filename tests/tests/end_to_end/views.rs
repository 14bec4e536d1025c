//! The catalog's public views, as people and reports read them past the API.

use scaleout_tests::harness::cluster;

use crate::note;

/// SSISDB's names of the columns that reports rely on, by view.
const COLUMNS: [(&str, &str); 8] = [
    (
        "projects",
        "project_id, folder_id, name, description, deployed_by_name, last_deployed_time, created_time",
    ),
    ("packages", "package_id, name, description, project_id"),
    (
        "executions",
        "execution_id, folder_name, project_name, package_name, status, created_time, start_time, end_time, \
         caller_name, worker_agent_id, executed_count",
    ),
    (
        "worker_agents",
        "worker_agent_id, is_enabled, display_name, description, machine_name, tags, last_online_time",
    ),
    (
        "operation_messages",
        "operation_message_id, operation_id, message_time, message_type, message_source_type, message",
    ),
    (
        "event_messages",
        "event_message_id, operation_id, message_time, message_type, message_source_type, message, package_name, \
         event_name, message_source_name, package_path, execution_path",
    ),
    ("executables", "execution_id, executable_name, package_name, package_path"),
    (
        "executable_statistics",
        "statistics_id, execution_id, execution_path, start_time, end_time, execution_duration, execution_result",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_views_tell_what_happened_under_ssisdbs_names() {
    let cluster = cluster(1, 1, &[]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let id = cluster.enqueue_one(&["t/note/note", "--set", &set]).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ok();
    cluster.logs_with(&id, "note succeeded").await;
    for (view, columns) in COLUMNS {
        let rows =
            cluster.catalog.query(&format!("select {columns} from catalog.{view}"), &[]).await.unwrap();
        assert!(!rows.is_empty(), "catalog.{view} is empty");
    }
    // The result is read from what the worker says.
    let results = "select execution_path || ' ' || execution_result from catalog.executable_statistics order by statistics_id";
    let results = cluster.catalog.query(results, &[]).await.unwrap();
    let results: Vec<&str> = results.iter().map(|row| row.get(0)).collect();
    assert_eq!(results, [r"\Package 0", r"\Package\note 0"]);
    let told = "select folder_name || '/' || project_name || '/' || package_name || ' ' || status_name || ' '
                       || executed_count || ' ' || w.display_name
                from catalog.executions e join catalog.worker_agents w using (worker_agent_id)";
    let told: String = cluster.catalog.query_one(told, &[]).await.unwrap().get(0);
    assert_eq!(told, "t/note/note succeeded 1 worker-1");
    let online: bool =
        cluster.catalog.query_one("select is_online from catalog.worker_agents", &[]).await.unwrap().get(0);
    assert!(online);
}
