"""What a person says of a submission: approved, rejected, to be looked at. Figures follow."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from sync import audit, queue
from sync.reading import Submission
from sync.receive import PROCESS
from sync.tables import submissions

STATES = ("approved", "hasIssues", "rejected")  # "edited" is the server's own word


def review(
    db: Connection, submission: Submission, state: str | None, actor: str, now: datetime
) -> None:
    """Keep it, and have the records judged anew: what is rejected is in no figure."""
    if state == submission.review_state:
        return
    mine = submissions.c.id == submission.id
    db.execute(submissions.update().where(mine).values(review_state=state))
    audit.record(db, actor, "submission.review", f"submission:{submission.id}", now, state=state)
    queue.add(db, PROCESS, submission.current.id, now=now)
