"""What a phone's user reads when a submission was kept: the form, and how many today."""

from __future__ import annotations

from sync.receive import Outcome, Received

MOST_COUNTED = 99

# Vietnamese, English; a resend reads as the first time did: its answer may have been lost.
_HEADS = {
    Outcome.MORE: ("Đã nhận thêm ảnh, tệp của", "Received more files of"),
    Outcome.EDITED: ("Đã nhận bản sửa", "Received the correction of"),
}
_HEAD = ("Đã nhận", "Received")


def thanks(found: Received, today: int) -> str:
    """One sentence in each language. `today`: submissions this phone has had kept today."""
    vi, en = _HEADS.get(found.outcome, _HEAD)
    title = found.title.strip()
    count_vi, count_en = "", ""
    if today > 0:
        few = today <= MOST_COUNTED
        count_vi = f", hôm nay {today if few else f'hơn {MOST_COUNTED}'} phiếu"
        count_en = f", {today if few else f'more than {MOST_COUNTED}'} today"
    return f"{vi}: {title}{count_vi}. / {en}: {title}{count_en}."
