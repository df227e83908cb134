"""The JSON API in Central's spelling."""

from __future__ import annotations

from tests.server.addresses import Address, only, reads, sees

P = "/v1/projects/1"
F = f"{P}/forms/care_visit"
S = f"{F}/submissions"
ONE = f"{S}/{{care_visit}}"
D = f"{P}/forms/membership/draft"  # it gives phones lists of people
L = f"{P}/datasets/members"
E = f"{L}/entities/{{member}}"
FINDING = f"{P}/forms/supervision/submissions/{{supervision}}"

OPEN_FIGURES = ("chair", "commune", "district", "city")
visit, whole = reads("care_visit"), reads("care_visit", whole=True)
form_readers = reads("care_visit", near=False)
members = sees("members", near=False)


def knows_the_form(who: object) -> bool:
    """Who fills it in, reads it or manages forms."""
    return only("volunteer", "chair", "health", "commune", "admin", near=False)(who)  # type: ignore[arg-type]


ADDRESSES = {
    # ------------------------------------------------------------ who am I, who are the others
    "POST api.begin_session": Address("/v1/sessions", json={"email": "x", "password": "y"}),
    "GET api.get_openapi": Address("/v1/openapi.json"),
    "GET api.restore_session": Address("/v1/sessions/restore", only()),
    "GET api.get_current_user": Address("/v1/users/current"),
    "GET api.list_roles": Address("/v1/roles"),
    "GET api.get_role": Address("/v1/roles/chair"),
    "GET api.list_users": Address("/v1/users"),
    "POST api.create_user": Address("/v1/users", json={"email": "a"}),
    "GET api.get_user": Address("/v1/users/{user_number}"),
    "PATCH api.change_user": Address("/v1/users/{user_number}", json={"role": "none"}),
    "PUT api.change_password": Address(
        "/v1/users/{user_number}/password", only("admin"), json={"new": "x"}
    ),
    "DELETE api.disable_user": Address("/v1/users/{spare_user_number}"),
    "GET api.list_api_tokens": Address("/v1/tokens"),
    "POST api.create_api_token": Address("/v1/tokens", json={"name": "x"}),
    "DELETE api.revoke_api_token": Address("/v1/tokens/1", only()),
    "GET api.list_indicators": Address("/v1/indicators"),
    "GET api.get_indicator": Address("/v1/indicators/B01"),
    "GET api.list_reports": Address("/v1/reports"),
    "GET api.get_report": (Address("/v1/reports/2025H1"), Address("/v1/reports/2025H2")),
    "GET api.list_report_figures": (
        Address("/v1/reports/2025H1/figures"),
        Address("/v1/reports/2025H2/figures", only(*OPEN_FIGURES, near=False)),
    ),
    "GET api.get_report_xlsx": Address("/v1/reports/2025H1.xlsx"),
    "GET api.get_report_csv": (
        Address("/v1/reports/2025H1/groups.csv"),
        Address("/v1/reports/2025H2/figures.csv", only(*OPEN_FIGURES, near=False)),
    ),
    "GET api.get_report_pdf": Address("/v1/reports/2025H1.pdf"),
    "POST api.take_report_step": Address(
        "/v1/reports/2025H2/steps",
        only("chair"),
        json={"act": "confirm", "level": "club", "code": "{club_code}"},
    ),
    "GET api.list_audits": Address("/v1/audits"),
    # ------------------------------------------------------------ projects, phones
    "GET api.list_projects": Address("/v1/projects"),
    "GET api.get_project": Address(P),
    "GET api.list_app_users": Address(f"{P}/app-users"),
    "POST api.create_app_user": Address(f"{P}/app-users", json={}),
    "GET api.list_project_assignments": Address(f"{P}/assignments"),
    "GET api.list_project_actors": Address(f"{P}/assignments/chair"),
    "POST api.assign_role": Address(f"{P}/assignments/treasurer/{{user_number}}"),
    "DELETE api.unassign_role": Address(f"{P}/assignments/treasurer/{{user_number}}"),
    "GET api.list_form_assignments": Address(f"{P}/assignments/forms"),
    "GET api.list_form_assignments_of_role": Address(f"{P}/assignments/forms/2"),
    "GET api.list_assignments": Address(f"{F}/assignments"),
    "GET api.list_form_actors": Address(f"{F}/assignments/2"),
    "POST api.assign": Address(f"{F}/assignments/2/{{phone}}"),
    "DELETE api.unassign": Address(f"{P}/forms/health_check/assignments/2/{{phone}}"),
    "DELETE api.revoke_app_user": Address(f"{P}/app-users/{{spare_phone}}"),
    # ------------------------------------------------------------ forms
    "GET api.list_forms": Address(f"{P}/forms"),
    "GET api.get_form": Address(F, knows_the_form),
    "GET api.get_form_xml": Address(f"{F}.xml", knows_the_form),
    "GET api.get_form_fields": Address(f"{F}/fields", knows_the_form),
    "GET api.list_form_attachments": Address(f"{F}/attachments", knows_the_form),
    "GET api.get_form_attachment": Address(
        f"{F}/attachments/care_clients.csv", only("volunteer", "chair", near=False)
    ),
    "GET api.get_form_xlsx": Address(f"{F}.xlsx"),
    "GET api.list_form_versions": Address(f"{F}/versions"),
    "GET api.get_form_version": Address(f"{F}/versions/{{version}}"),
    "GET api.get_version_xml": Address(f"{F}/versions/{{version}}.xml"),
    "GET api.get_version_xlsx": Address(f"{F}/versions/{{version}}.xlsx"),
    "GET api.get_version_fields": Address(f"{F}/versions/{{version}}/fields"),
    "GET api.list_version_attachments": Address(f"{F}/versions/{{version}}/attachments"),
    "GET api.get_version_attachment": Address(
        f"{F}/versions/{{version}}/attachments/clubs.csv", only()
    ),
    "POST api.create_form": Address(f"{P}/forms", data=b"<x/>"),
    "PATCH api.change_form": Address(F, json={"state": "open"}),
    "DELETE api.delete_form": Address(f"{P}/forms/mutual_help"),
    "POST api.restore_form": Address(f"{P}/forms/mutual_help/restore"),
    "POST api.begin_draft": Address(f"{F}/draft", data=b""),
    "GET api.get_draft": Address(f"{P}/forms/membership/draft"),
    "GET api.get_draft_xml": Address(f"{P}/forms/membership/draft.xml"),
    "GET api.get_draft_fields": Address(f"{P}/forms/membership/draft/fields"),
    "GET api.list_draft_attachments": Address(f"{P}/forms/membership/draft/attachments"),
    "GET api.list_try_outs": Address(f"{D}/submissions", only()),
    "GET api.export_try_outs_csv": Address(f"{D}/submissions.csv", only()),
    "GET api.export_try_outs_zip": Address(f"{D}/submissions.csv.zip", only()),
    "GET api.get_try_out": Address(f"{D}/submissions/none", only()),
    "GET api.get_try_out_xml": Address(f"{D}/submissions/none.xml", only()),
    "GET api.list_try_out_files": Address(f"{D}/submissions/none/attachments", only()),
    "GET api.get_try_out_file": Address(f"{D}/submissions/none/attachments/a.jpg", only()),
    "GET api.get_draft_attachment": Address(
        f"{P}/forms/membership/draft/attachments/clubs.csv", only()
    ),
    "POST api.put_draft_attachment": Address(f"{F}/draft/attachments/members.csv", data=b"name\n"),
    "POST api.publish_draft": Address(f"{F}/draft/publish"),
    "DELETE api.drop_draft": Address(f"{P}/forms/membership/draft"),
    "GET api.list_links": Address(f"{F}/public-links"),
    "POST api.create_link": Address(f"{F}/public-links", json={}),
    "DELETE api.revoke_link": Address(f"{F}/public-links/{{link}}"),
    # ------------------------------------------------------------ submissions
    "GET api.list_submissions": Address(S, form_readers),
    "GET api.get_submission": Address(ONE, visit),
    "GET api.get_submission_xml": (
        Address(f"{ONE}.xml", whole),
        Address(f"{FINDING}.xml", reads("supervision")),
    ),
    "GET api.list_submission_versions": Address(f"{ONE}/versions", visit),
    "GET api.get_submission_version": Address(f"{ONE}/versions/{{care_visit}}", visit),
    "GET api.get_submission_version_xml": Address(f"{ONE}/versions/{{care_visit}}.xml", whole),
    "GET api.list_submission_differences": Address(f"{ONE}/diffs", whole),
    "GET api.list_submission_comments": Address(f"{ONE}/comments", visit),
    "GET api.list_submission_audits": Address(f"{ONE}/audits", visit),
    "GET api.list_submission_files": Address(f"{ONE}/attachments", visit),
    "GET api.get_submission_file": Address(f"{ONE}/attachments/none.jpg", only()),
    "GET api.list_submitters": Address(f"{S}/submitters", form_readers),
    "GET api.list_submission_keys": Address(f"{S}/keys", form_readers),
    "GET api.export_csv": Address(f"{S}.csv", form_readers),
    "GET api.get_submissions_geojson": Address(f"{S}.geojson", form_readers),
    "POST api.export_csv": Address(f"{S}.csv", form_readers),
    "GET api.export_zip": Address(f"{S}.csv.zip", form_readers),
    "POST api.export_zip": Address(f"{S}.csv.zip", form_readers),
    "GET api.odata_service": Address(f"{F}.svc", form_readers),
    "GET api.odata_metadata": Address(f"{F}.svc/$metadata", form_readers),
    "GET api.odata_table": Address(f"{F}.svc/Submissions", form_readers),
    "POST api.create_submission": Address(S, data=b"<x/>"),
    "POST api.put_submission_file": Address(f"{ONE}/attachments/a.jpg", only(), data=b"a"),
    "PUT api.edit_submission": Address(ONE, whole, data=b'<data id="care_visit"/>'),
    "POST api.create_submission_comment": Address(f"{ONE}/comments", visit, json={"body": "zq"}),
    "PATCH api.review_submission": Address(ONE, visit, json={"reviewState": "hasIssues"}),
    "DELETE api.delete_submission": Address(ONE, whole),
    "POST api.restore_submission": Address(f"{ONE}/restore", whole),
    # ------------------------------------------------------------ entity lists
    "GET api.list_datasets": Address(f"{P}/datasets"),
    "GET api.get_dataset": Address(L, members),
    "GET api.get_dataset_csv": Address(f"{L}/entities.csv", members),
    "GET api.get_entities_geojson": Address(f"{L}/entities.geojson", members),
    "GET api.get_entity_geojson": Address(f"{E}/geojson", only()),
    "GET api.entities_service": Address(f"{L}.svc", members),
    "GET api.entities_metadata": Address(f"{L}.svc/$metadata", members),
    "GET api.entities_table": Address(f"{L}.svc/Entities", members),
    "GET api.list_entities": (
        Address(f"{L}/entities", members),
        Address(f"{P}/datasets/loans/entities", sees("loans", near=False)),
    ),
    "GET api.get_entity": (
        Address(E, sees("members")),
        Address(f"{P}/datasets/loans/entities/{{loan_entity}}", sees("loans")),
        Address(f"{P}/datasets/clubs/entities/{{club}}", sees("clubs")),
    ),
    "GET api.list_entity_versions": Address(f"{E}/versions", sees("members")),
    "GET api.list_entity_differences": Address(f"{E}/diffs", sees("members")),
    "GET api.list_entity_audits": Address(f"{E}/audits", sees("members")),
    "POST api.create_dataset": Address(f"{P}/datasets", json={"name": "a b"}),
    "PATCH api.change_dataset": Address(L, json={}),
    "POST api.create_property": Address(f"{L}/properties", json={"name": "a b"}),
    "POST api.create_entities": Address(
        f"{L}/entities", sees("members"), json={"label": "A", "data": {"club_id": "{club}"}}
    ),
    "PATCH api.change_entity": Address(
        f"{E}?force=true", sees("members"), json={"data": {"alias": "A"}}
    ),
    "DELETE api.delete_entity": Address(E, sees("members")),
    "POST api.restore_entity": Address(f"{E}/restore", sees("members")),
    "POST api.delete_entities": Address(
        f"{L}/entities/bulk-delete", sees("members"), json={"ids": ["{member}"]}
    ),
    "POST api.restore_entities": Address(
        f"{L}/entities/bulk-restore", sees("members"), json={"ids": ["{member}"]}
    ),
    # ------------------------------------------------------------ the end of a sign-in
    "DELETE api.end_current_session": Address("/v1/sessions/current", only()),
    "DELETE api.end_session": Address("/v1/sessions/" + "x" * 64, only()),
}
