"""Every table. Kept tables hold what cannot be computed again; derived ones can be thrown away.

Times are `…_at` (UTC), days `…_on` (civil dates in Vietnam). Ids are surrogates.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from sync.vault import vault_in

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware datetime, always UTC: SQLite keeps no zone, PostgreSQL answers in the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class SealedXml(TypeDecorator[bytes]):
    """The bytes of an XML, sealed in the database; see vault.py."""

    impl = LargeBinary
    cache_ok = True
    place = "xml"  # one for all columns: COALESCE may give the bytes of any

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else vault_in(dialect).seal(self.place, value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> bytes | None:
        return None if value is None else vault_in(dialect).open(self.place, bytes(value))


class SealedPiece(SealedXml):
    """The bytes of a piece of a file, sealed in the database."""

    place = "made file"
    cache_ok = True


class SealedWords(TypeDecorator[str]):
    """What somebody wrote freely, sealed in the database; the same words never look the same."""

    impl = Text
    cache_ok = True
    place = "words"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return vault_in(dialect).seal_answers({self.place: value}, {self.place})[self.place]

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return vault_in(dialect).open_answers({self.place: value})[self.place]


class Answers(TypeDecorator[dict[str, str]]):
    """Answers by column, opened when they are read; who writes them seals what the library marks.

    SQL that looks into them sees what stands there.
    """

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Json.dialect_impl(dialect)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self.impl_instance.coerce_compared_value(op, value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dict[str, str] | None:
        return None if value is None else vault_in(dialect).open_answers(value)


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _ref(name: str, to: str, *, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(name, Integer, ForeignKey(f"{to}.id"), nullable=nullable, index=index)


# ------------------------------------------------------------------ kept: places
units = (
    Table(  # commune, ward, district, city; a new row when code, name, kind, parent or land changes
        "units",
        metadata,
        _id(),
        Column("level", Text, nullable=False),  # city | district | commune
        Column(
            "kind", Text, nullable=False
        ),  # city | urban_district | rural_district | ward | commune | township | special_zone …
        Column("code", Text, nullable=False),
        Column("name", Text, nullable=False),
        _ref("parent_id", "units", nullable=True, index=True),
        Column("valid_from", Date, nullable=False),
        Column("valid_to", Date),  # first day it is no more; NULL = open
        Column("counts_in_coverage", Boolean, nullable=False),
        UniqueConstraint("code", "level", "valid_from"),
    )
)
unit_successions = Table(
    "unit_successions",
    metadata,
    _id(),
    _ref("old_id", "units", index=True),
    _ref("new_id", "units"),
    Column("happened_on", Date, nullable=False),
    Column("kind", Text, nullable=False),  # whole | part | rename | kind_change
    UniqueConstraint("old_id", "new_id", "happened_on"),
)
club_places = Table(  # decisions of people: where a club is from a day on; successions do the rest
    "club_places",
    metadata,
    _id(),
    Column("club_id", Text, nullable=False),  # uuid of an entity of list `clubs`
    _ref("unit_id", "units"),
    Column("valid_from", Date, nullable=False),
    UniqueConstraint("club_id", "valid_from"),
)

# ------------------------------------------------------------------ kept: forms
projects = Table("projects", metadata, _id(), Column("name", Text, nullable=False, unique=True))
forms = Table(
    "forms",
    metadata,
    _id(),
    _ref("project_id", "projects"),
    Column("xml_form_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),  # open | closing | closed | deleted
    Column("current_version_id", Integer),  # form_versions.id of what phones get
    Column("created_at", Utc, nullable=False),
    Column("public_key", Text),  # base64 DER: every version published from now on is encrypted
    UniqueConstraint("project_id", "xml_form_id"),
)
form_versions = Table(
    "form_versions",
    metadata,
    _id(),
    _ref("form_id", "forms"),
    Column("version", Text, nullable=False),  # "" = the form names no version
    Column("xform", LargeBinary, nullable=False),  # the very bytes served
    Column("md5", Text, nullable=False),  # of xform
    Column("source", LargeBinary),  # as uploaded
    Column("source_kind", Text, nullable=False),  # md | xlsx | csv | xml
    Column("published_at", Utc, nullable=False),
    UniqueConstraint("form_id", "version"),
)
form_attachments = Table(
    "form_attachments",
    metadata,
    _id(),
    _ref("form_version_id", "form_versions"),
    Column("filename", Text, nullable=False),
    Column("list_name", Text),  # set: served from this entity list, sha256 is NULL
    Column("sha256", Text),
    Column("md5", Text),
    Column("size", Integer),
    UniqueConstraint("form_version_id", "filename"),
)

# ------------------------------------------------------------------ kept: people who call
users = Table(
    "users",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    _ref("unit_id", "units", nullable=True),
    Column("club_id", Text),
    Column("password_hash", Text, nullable=False),  # argon2
    Column("digest_secret", LargeBinary),  # HA1 of Digest, sealed with the key outside the database
    Column("created_at", Utc, nullable=False),
    Column("disabled_at", Utc),
)
app_users = Table(
    "app_users",
    metadata,
    _id(),
    _ref("project_id", "projects"),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    _ref("unit_id", "units", nullable=True),
    Column("club_id", Text),
    Column("token_sha256", Text, nullable=False, unique=True),  # the token itself is only in the QR
    Column("created_at", Utc, nullable=False),
    Column("revoked_at", Utc),
    Column("last_seen_at", Utc),
    Column("kind", Text, nullable=False, server_default=text("'phone'")),  # phone | draft | link
    Column("form_id", Integer),  # forms.id: the only form of a draft's or a link's token
    Column("person_id", Text),  # uuid of the entity that is this phone's owner, where known
    Column("user_agent", Text),  # as of last_seen_at, and so are the two below
    Column("device_id", Text),
    Column("clock_offset_seconds", Integer),  # the phone's clock minus ours
)
sessions = Table(  # a person's sign-in to the JSON API
    "sessions",
    metadata,
    _id(),
    _ref("user_id", "users"),
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
)
ended_sign_ins = Table(  # to the pages: they ended before their cookie did
    "ended_sign_ins",
    metadata,
    Column("mark", Text, primary_key=True),  # a hash of what the cookie holds
    Column("until", Utc, nullable=False),  # then the cookie is void by itself
)

api_tokens = Table(  # what a person lets a program do in their name
    "api_tokens",
    metadata,
    _id(),
    _ref("user_id", "users"),
    Column("name", Text, nullable=False),
    Column("scope", Json, nullable=False),  # verbs, and what forms.roles lists beside them
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("last_used_at", Utc),
    Column("revoked_at", Utc),
)

# ------------------------------------------------------------------ kept: what phones sent
received = (
    Table(  # every POST as it came, append-only; its bytes are those of its submission version
        "received",
        metadata,
        _id(),
        Column("received_at", Utc, nullable=False),
        _ref("project_id", "projects"),
        _ref("app_user_id", "app_users", nullable=True),
        _ref("user_id", "users", nullable=True),
        Column("device_id", Text),
        Column("user_agent", Text),
        Column("sha256", Text, nullable=False),  # of the XML part
        Column("outcome", Text, nullable=False),  # new | resent | more | edited | different
        Column("submission_version_id", Integer, nullable=False, index=True),
    )
)
submissions = Table(
    "submissions",
    metadata,
    _id(),
    _ref("form_id", "forms"),
    Column("instance_id", Text, nullable=False),  # of the first version: its public id for ever
    Column("current_version_id", Integer),
    Column("review_state", Text),  # NULL | edited | hasIssues | rejected | approved
    Column("created_at", Utc, nullable=False),
    Column("deleted_at", Utc),
    UniqueConstraint("form_id", "instance_id"),
)
submission_versions = Table(
    "submission_versions",
    metadata,
    _id(),
    _ref("submission_id", "submissions", index=True),
    _ref("form_id", "forms"),
    Column("instance_id", Text, nullable=False),
    Column("deprecated_id", Text),
    Column("sha256", Text, nullable=False),
    Column("version", Text, nullable=False),  # as the XML says
    _ref("form_version_id", "form_versions", nullable=True),  # NULL = a version we do not have
    Column("xml", SealedXml, nullable=False),  # the exact bytes
    Column("received_at", Utc, nullable=False),
    Column("device_id", Text),
    _ref("app_user_id", "app_users", nullable=True),
    _ref("user_id", "users", nullable=True),
    Column("problems", Json, nullable=False),  # flags known at arrival: [{"code", "details"}]
    Column("erased_at", Utc),  # since then `xml` is what is left of the bytes that had the sha256
    UniqueConstraint("form_id", "instance_id", "sha256"),
    Index("ix_submission_versions_form_id_deprecated_id", "form_id", "deprecated_id"),
    Index("ix_submission_versions_received_at", "received_at"),
    Index("ix_submission_versions_app_user_id_received_at", "app_user_id", "received_at"),
    Index(
        "ix_submission_versions_user_id_received_at",
        "user_id",
        "received_at",
        sqlite_where=text("user_id IS NOT NULL"),  # phones have a token: most rows are not in it
        postgresql_where=text("user_id IS NOT NULL"),
    ),
)
sealed_submissions = Table(  # an encrypted version, and its plain XML once a key opened it
    "sealed_submissions",
    metadata,
    _id(),
    _ref("submission_version_id", "submission_versions"),
    Column("xml", SealedXml),  # NULL = waits for the key, or for its file
    Column("opened_at", Utc),
    Column("problem", Text),  # why the last key did not open it
    UniqueConstraint("submission_version_id"),
)
privacy_requests = Table(  # kept: what somebody asked about their data; the steps say the rest
    "privacy_requests",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),  # of privacy.toml
    Column("list_name", Text, nullable=False),
    Column("uuid", Text, nullable=False),  # whose data it is about
    Column("received_on", Date, nullable=False),
    Column("paper", SealedWords, nullable=False),  # number of the paper it came on; "" = none
    Index("ix_privacy_requests_uuid", "uuid"),
)
privacy_steps = Table(  # kept: what was done with a request
    "privacy_steps",
    metadata,
    _id(),
    _ref("request_id", "privacy_requests", index=True),
    Column("act", Text, nullable=False),  # open | answer | extend | close | refuse
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),
)
erasures = Table(  # kept: a person was erased, and the proof of it
    "erasures",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),
    Column("proof", Json, nullable=False),  # privacy/erase.py: counts and hashes, nothing personal
)
erased_entities = Table(  # kept: what comes of these later is stripped before it is read
    "erased_entities",
    metadata,
    Column("list_name", Text, primary_key=True),
    Column("uuid", Text, primary_key=True),
    _ref("erasure_id", "erasures"),
)
doomed_blobs = Table(  # bytes that erased people sent, to be deleted where nothing names them
    "doomed_blobs",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("since", Utc, nullable=False),
)
attachments = Table(
    "attachments",
    metadata,
    _id(),
    _ref("submission_version_id", "submission_versions"),
    Column("name", Text, nullable=False),  # NFC
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content_type", Text),
    Column("received_at", Utc, nullable=False),
    UniqueConstraint("submission_version_id", "name", "sha256"),
)
submission_comments = Table(  # what people said of a submission, and what they decided about it
    "submission_comments",
    metadata,
    _id(),
    _ref("submission_id", "submissions", index=True),
    Column("act", Text, nullable=False),  # comment | review | delete | restore
    Column("state", Text),  # of a review: submissions.review_state from then on
    Column("text", SealedWords, nullable=False),  # "" = nothing was said
    Column("club_id", Text),  # of a delete: the club its record was filed under until then
    Column("subject_id", Text),  # of a delete: the uuid of whom that record was about
    Column("actor", Text, nullable=False),  # as in audit_events
    Column("role", Text),  # of the actor when it was said; NULL = the operator
    Column("at", Utc, nullable=False),
)
audit_events = Table(
    "audit_events",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),  # "user:3", "app_user:7", "system"
    Column("action", Text, nullable=False),  # "submission.create"
    Column("subject", Text),  # "submission:12"
    Column("details", Json),
    Index("ix_audit_events_actor", "actor", "id"),
    Index("ix_audit_events_subject", "subject", "id"),
)
seen_people = Table(  # whom an event showed or handed out by name: an entity's list and uuid
    "seen_people",
    metadata,
    Column("event_id", ForeignKey("audit_events.id"), primary_key=True),
    Column("list_name", Text, primary_key=True),
    Column("uuid", Text, primary_key=True),
    Index("ix_seen_people_uuid", "uuid", "event_id"),
)
queue = Table(  # work that must happen; done rows are deleted, failed ones stay to be seen
    "queue",
    metadata,
    _id(),
    Column("name", Text, nullable=False),  # of the task: "process", "settle", "measure"
    Column("subject_id", Integer),  # what it is about, e.g. submission_versions.id
    Column("payload", Json),
    Column("added_at", Utc, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),  # last failure, without personal data
    Column("failed_at", Utc),  # set after the last try: stays on the visible list
    Index("ix_queue_due", "failed_at", "name", "due_at", "id"),
)

# ------------------------------------------------------------------ kept: reports
reports = Table(  # a period's report, from its first step on
    "reports",
    metadata,
    _id(),
    Column("period", Text, nullable=False),  # "2025H2"
    Column("calendar", Text, nullable=False),  # calendar | administrative
    Column("first_on", Date, nullable=False),
    Column("last_on", Date, nullable=False),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("period", "calendar"),
)
report_steps = Table(  # what people did with it; a trigger lets nobody change it but its comment
    "report_steps",
    metadata,
    _id(),
    _ref("report_id", "reports"),
    Column("number", Integer, nullable=False),  # 1, 2 … in this report
    Column("level", Text, nullable=False),  # club | commune | district | city | "" the whole report
    Column("place", Text, nullable=False),  # a club's uuid, a unit's id, ""
    Column("act", Text, nullable=False),  # confirm | send_back | send | report | reopen
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),  # as in audit_events
    Column("sha256", Text, nullable=False),  # of the figures as they stood
    Column("comment", Text, nullable=False),
    UniqueConstraint("report_id", "number"),
)
report_versions = Table(  # what was sent, whole; a trigger lets nobody change or delete a row
    "report_versions",
    metadata,
    _id(),
    _ref("report_id", "reports"),
    Column("version", Integer, nullable=False),
    Column("frozen_at", Utc, nullable=False),  # what was received until then is in it
    Column("reason", Text, nullable=False),  # of a revision
    Column("sha256", Text, nullable=False),  # of the snapshot before it was compressed
    Column("snapshot", LargeBinary, nullable=False),  # reports/data.py: ReportData, zlib
    UniqueConstraint("report_id", "version"),
)

# ------------------------------------------------------------------ derived: what it means
records = Table(  # one flat row per submission (table_path "") and per repeat instance
    "records",
    metadata,
    _id(),
    _ref("submission_id", "submissions", index=True),
    _ref("submission_version_id", "submission_versions"),
    Column("form", Text, nullable=False),  # xml_form_id
    Column("table_path", Text, nullable=False),  # "" or "supplies" or "a/b"
    Column("position", Text, nullable=False),  # "" or "supplies[1]"
    Column("parent_position", Text),
    Column("answers", Answers, nullable=False),  # column -> text, as sent (NFC)
    Column("derived", Answers, nullable=False),  # column -> what the library's measures give
    Column("happened_on", Date),  # the event's own day, Vietnam
    Column("subject_list", Text),
    Column("subject_id", Text),  # uuid of the entity it is about; of linked ones, the canonical
    Column("reported_id", Text),  # the uuid that the phone named
    Column("club_id", Text),  # the subject's club on that day; else the answer
    Column("problems", Json, nullable=False),  # [{"code", "details"}] found while reading
    Column("held_back", Boolean, nullable=False),  # kept out of figures until a person mends it
    Column(
        "counted_with", Integer
    ),  # records.id of the event this one repeats; NULL = counts itself
    Column("counted_by", Text),  # why so: resent | same_event | decided
    Column("number", Integer),  # the phone's own running number of this form's filled-in copies
    Column("united", Json),  # values of the whole event (all its records), on the one that counts
    UniqueConstraint("submission_version_id", "table_path", "position"),
    Index("ix_records_form_happened_on", "form", "table_path", "happened_on"),
    Index("ix_records_subject", "subject_id", "form", "happened_on"),
    Index("ix_records_club", "club_id", "form", "table_path", "happened_on"),
    Index(  # without its table: what of a club counts, of every form (`words.counts`)
        "ix_records_counted",
        "club_id",
        "happened_on",
        "submission_id",
        sqlite_where=text("table_path = '' AND counted_with IS NULL AND held_back = 0"),
        postgresql_where=text("table_path = '' AND counted_with IS NULL AND NOT held_back"),
    ),
    Index(
        "ix_records_held_back",
        "club_id",
        sqlite_where=text("table_path = '' AND held_back = 1"),
        postgresql_where=text("table_path = '' AND held_back"),
    ),
    Index(
        "ix_records_repeats",
        "counted_with",
        sqlite_where=text("table_path = '' AND counted_with IS NOT NULL"),
        postgresql_where=text("table_path = '' AND counted_with IS NOT NULL"),
    ),
)
mentions = Table(  # whom a record names, where figures of other clubs look at that
    "mentions",
    metadata,
    Column("record_id", ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    Column("uuid", Text, primary_key=True),
    Index("ix_mentions_uuid", "uuid", "record_id"),
)
expected_attachments = Table(  # files that a submission version names; here or still on the phone
    "expected_attachments",
    metadata,
    _id(),
    _ref("submission_version_id", "submission_versions"),
    Column("name", Text, nullable=False),  # NFC
    UniqueConstraint("submission_version_id", "name"),
)
entity_lists = Table(  # kept
    "entity_lists",
    metadata,
    _id(),
    _ref("project_id", "projects"),
    Column("name", Text, nullable=False),
    Column("properties", Json, nullable=False),  # names in order
    Column(
        "change_seq", Integer, nullable=False, server_default=text("0")
    ),  # last given to an entity
    UniqueConstraint("project_id", "name"),
)
entities = Table(
    "entities",
    metadata,
    _id(),
    _ref("list_id", "entity_lists"),
    Column("uuid", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("data", Json, nullable=False),  # property -> text
    Column("version", Integer, nullable=False),
    Column("club_id", Text),  # row scope: the club it belongs to; for list `clubs` its own uuid
    Column("conflict", Text),  # NULL | soft | hard
    Column("linked_to", Text),  # uuid of the entity that stands for it: it is on no list itself
    Column(
        "restricted", Boolean, nullable=False, server_default=text("false")
    ),  # see `restrictions`
    Column("imported", Boolean, nullable=False),  # kept, not derived: came from a person's file
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("deleted_at", Utc),
    Column("change_seq", Integer, nullable=False),  # rises with every change of its list
    UniqueConstraint("list_id", "uuid"),
    Index("ix_entities_list_id_club_id", "list_id", "club_id", "change_seq"),
    Index(
        "ix_entities_restricted",
        "uuid",
        sqlite_where=text("restricted = 1"),
        postgresql_where=text("restricted"),
    ),
)
entity_versions = Table(
    "entity_versions",
    metadata,
    _id(),
    _ref("entity_id", "entities"),
    Column("version", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("data", Json, nullable=False),
    Column("base_version", Integer),
    Column("trunk_version", Integer),
    Column("branch_id", Text),
    Column("conflict", Text),
    _ref("submission_version_id", "submission_versions", nullable=True, index=True),
    Column("created_at", Utc, nullable=False),
    Column("actor", Text),  # who made it, where a person and no submission did
    Column("said", Json),  # then: what that changed, as `merge.Version.said`; NULL = see `data`
    UniqueConstraint("entity_id", "version"),
)
entity_decisions = Table(  # kept: what a person, or time, decided about a change or a record
    "entity_decisions",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    _ref("submission_version_id", "submission_versions"),
    Column("position", Text, nullable=False),
    # of a change: force | resolve | carried (to the one its entity is linked to);
    Column("kind", Text, nullable=False),  # of a record: waited 14
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("submission_version_id", "list_name", "uuid", "position", "kind"),
    Index("ix_entity_decisions_uuid", "uuid"),
)
entity_links = Table(  # kept: people said that `uuid` is `canonical`; undone, the row stays
    "entity_links",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column("canonical", Text, nullable=False),  # never linked to another itself
    Column("choices", Json, nullable=False),  # fact -> uuid whose word holds, or "as_told"
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", Utc),  # NULL = in force
    Index(
        "ix_entity_links_in_force",
        "list_name",
        "uuid",
        unique=True,
        sqlite_where=text("undone_at IS NULL"),
        postgresql_where=text("undone_at IS NULL"),
    ),
)
event_decisions = Table(  # kept: of two submissions, that they tell of one event, or of two
    "event_decisions",
    metadata,
    _id(),
    _ref("submission_id", "submissions"),  # the lower of the two ids
    _ref("other_id", "submissions"),
    Column("kind", Text, nullable=False),  # together | apart
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", Utc),  # NULL = in force
    Index("ix_event_decisions_other_id", "other_id"),
    Index(
        "ix_event_decisions_in_force",
        "submission_id",
        "other_id",
        unique=True,
        sqlite_where=text("undone_at IS NULL"),
        postgresql_where=text("undone_at IS NULL"),
    ),
)
restrictions = Table(  # kept: people whose data is shown to nobody but the desk, upon their request
    "restrictions",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column(
        "request_id", Integer, nullable=False
    ),  # privacy_requests.id; `verify` copies no requests
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", Utc),  # NULL = in force
    Index(
        "ix_restrictions_in_force",
        "list_name",
        "uuid",
        unique=True,
        sqlite_where=text("undone_at IS NULL"),
        postgresql_where=text("undone_at IS NULL"),
    ),
)
slice_marks = Table(  # derived: the sum of what one download rule shows of one club's rows
    "slice_marks",
    metadata,
    _id(),
    _ref("list_id", "entity_lists"),
    Column("rule", Text, nullable=False),  # fingerprint of the rule in lists.toml
    Column("club_id", Text, nullable=False),  # "" = rows of no club
    Column("rows", Integer, nullable=False),
    Column("sum", BigInteger, nullable=False),  # of a hash of each row: no order, no scan
    UniqueConstraint("list_id", "rule", "club_id"),
)
workers = Table(  # processes that work: each says every few seconds that it lives
    "workers",
    metadata,
    Column("name", Text, primary_key=True),  # machine and process
    Column("started_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
)
counters = Table(  # rise whenever something changes that phones may have downloaded
    "counters",
    metadata,
    Column("name", Text, primary_key=True),  # forms | lists | places | derived (see generation.py)
    Column("value", BigInteger, nullable=False),
)
entity_changes = Table(  # what each submission asks of an entity, and what came of it
    "entity_changes",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    _ref("submission_version_id", "submission_versions"),
    Column("position", Text, nullable=False),
    Column("change", Json, nullable=False),  # the EntityChange: action, label, data, versions
    Column("decision", Text, nullable=False),  # create | apply | conflict | hold | refuse | edit
    Column("version", Integer),  # of the entity, where one was made
    UniqueConstraint("submission_version_id", "list_name", "uuid", "position"),
    Index("ix_entity_changes_uuid", "uuid"),
    Index("ix_entity_changes_decision", "decision"),
)
spells = Table(  # what was true of an entity from a day on, up to (not with) another
    "spells",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column("name", Text, nullable=False),  # "status", "club", "hh_class", "sex", "born_on" …
    Column("value", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),  # NULL = still so
    Index("ix_spells_uuid", "uuid", "name"),
    Index("ix_spells_find", "list_name", "name", "value", "valid_from"),
)
figures = Table(  # one indicator of one club in one period; recomputed whole, never incremented
    "figures",
    metadata,
    _id(),
    Column("period", Text, nullable=False),  # "2025H2"; calendar below
    Column("calendar", Text, nullable=False),  # calendar | administrative
    Column("club_id", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("cut", Text, nullable=False),  # "" = the whole; else "sex", "age_band", "hh_class"
    Column("cut_value", Text, nullable=False),
    Column("numerator", Numeric(18, 4)),
    Column("denominator", Numeric(18, 4)),
    Column("missing", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("calendar", "period", "club_id", "indicator", "cut", "cut_value"),
)
counted_once = Table(  # of an indicator in one club: whom it counted, for places that have several
    "counted_once",
    metadata,
    _id(),
    Column("calendar", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("club_id", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("under", Text, nullable=False),  # keys, spaces between: to see who is in two clubs
    Column("behind", Text, nullable=False),  # JSON: its items, see counting/once.py
    UniqueConstraint("calendar", "period", "club_id", "indicator"),
)
stale_cells = Table(  # (period, club) whose figures must be measured again
    "stale_cells",
    metadata,
    _id(),
    Column("calendar", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("club_id", Text, nullable=False),
    Column("marks", Integer, nullable=False),  # how often marked since it was last measured
    UniqueConstraint("calendar", "period", "club_id"),
    sqlite_autoincrement=True,  # a mark's id must never be another mark's later
)

# ------------------------------------------------------------------ who may be one, twice entered
match_profiles = Table(  # derived: what of an entity is compared, small and comparable
    "match_profiles",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column("profile", Json, nullable=False),  # without what too many have in common
    Column("facts", Text, nullable=False),  # keyed hash of what was said: whether it has changed
    Column("made_by", Text, nullable=False),  # rule and code; of another make it is not compared
    UniqueConstraint("list_name", "uuid"),
)
match_keys = Table(  # derived: who is worth comparing has one in common; and what crowds have
    "match_keys",
    metadata,
    Column("key", BigInteger, primary_key=True),  # hash of list and words: no names stand here
    Column("profile_id", Integer, primary_key=True),
    Column("most", Integer, nullable=False),  # more with this key than so many are not compared
    Column("crowd", Boolean, nullable=False),  # for counting only: above `most` it says nothing
    Index("ix_match_keys_profile_id", "profile_id"),
    sqlite_with_rowid=False,
)
match_places = Table(  # derived: where a club's people are from, as their profiles have it
    "match_places",
    metadata,
    Column("club_id", Text, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("place", Text, nullable=False),
)
duplicate_pairs = Table(  # derived: who may be one; a person says, or has said, whether they are
    "duplicate_pairs",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("one", Text, nullable=False),  # uuids, the lesser first
    Column("other", Text, nullable=False),
    Column("band", Text, nullable=False),  # certain | review
    Column("bits", Float, nullable=False),
    Column("levels", Json, nullable=False),  # comparison -> level: what agrees and what does not
    Column("found_at", Utc, nullable=False),
    UniqueConstraint("list_name", "one", "other"),
    Index("ix_duplicate_pairs_other", "list_name", "other"),
)
duplicate_dismissals = Table(  # kept: a person said that two are two; holds while their facts do
    "duplicate_dismissals",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("one", Text, nullable=False),
    Column("other", Text, nullable=False),
    Column("facts_of_one", Text, nullable=False),  # as in match_profiles
    Column("facts_of_other", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("list_name", "one", "other"),
)
match_weights = Table(  # kept: what was estimated from the data; of a list the last one holds
    "match_weights",
    metadata,
    _id(),
    Column("list_name", Text, nullable=False),
    Column("weights", Json, nullable=False),  # forms/matching/weights.py
    Column("sha256", Text, nullable=False),  # of them as JSON
    Column("entities", Integer, nullable=False),  # from how many
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
)
secrets = Table(  # kept: keys that never leave the database, and the mark of the one outside
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("made_at", Utc, nullable=False),
)

# ------------------------------------------------------------------ kept: for some days
made_files = Table(  # files that people ordered; see sync/made_files.py
    "made_files",
    metadata,
    _id(),
    _ref("user_id", "users", index=True),
    Column("kind", Text, nullable=False),
    Column("what", Json, nullable=False),  # what was ordered, as its kind understands it
    Column("ordered_at", Utc, nullable=False),
    Column("epoch", Integer, nullable=False),  # rises when what was read for it may not be used
    Column("rows_done", Integer, nullable=False),
    Column("rows_total", Integer),  # about; NULL = nobody knows yet
    Column("made_at", Utc),
    Column("name", Text, nullable=False),  # how it is called when it is taken; "" until it is made
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("rights", Text, nullable=False),  # what its reader might see when it was made
    Column("problem", Json),  # code and details of why it cannot be made
)
made_file_pieces = Table(
    "made_file_pieces",
    metadata,
    Column("file_id", Integer, ForeignKey("made_files.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", SealedPiece, nullable=False),
)
made_file_people = Table(  # whom a file names, or holds answers about: it goes with each of them
    "made_file_people",
    metadata,
    Column("file_id", Integer, ForeignKey("made_files.id"), primary_key=True),
    Column("list_name", Text, primary_key=True),
    Column("uuid", Text, primary_key=True),
    Index("ix_made_file_people_uuid", "uuid", "list_name"),
)
