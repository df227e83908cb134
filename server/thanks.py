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
_ON_TRIAL = (
    " Bản nháp: phiếu thử không tính vào số liệu.",
    " A draft: what is sent on trial counts nowhere.",
)


def thanks(found: Received, today: int, *, on_trial: bool = False) -> str:
    """What was kept, in each language. `today`: submissions this phone has had kept today.

    `on_trial`: for a draft of a form, where nobody shall wait for it in the figures.
    """
    vi, en = _HEADS.get(found.outcome, _HEAD)
    title = found.title.strip()
    count_vi, count_en = "", ""
    if today > 0:
        few = today <= MOST_COUNTED
        count_vi = f", hôm nay {today if few else f'hơn {MOST_COUNTED}'} phiếu"
        count_en = f", {today if few else f'more than {MOST_COUNTED}'} today"
    more_vi, more_en = _ON_TRIAL if on_trial else ("", "")
    return f"{vi}: {title}{count_vi}.{more_vi} / {en}: {title}{count_en}.{more_en}"
