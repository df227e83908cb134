"""Vietnamese names of people who do not exist, by the frequencies of domain.md §8."""

from __future__ import annotations

from random import Random

FAMILY = {
    "Nguyễn": 28, "Trần": 11, "Lê": 9.5, "Phạm": 5, "Huỳnh": 5, "Võ": 4.5, "Phan": 4.5, "Đặng": 3,
    "Ngô": 2.6, "Hồ": 2.5, "Bùi": 2.3, "Trương": 2.2, "Đỗ": 1.8, "Mai": 1.6, "Dương": 1.5,
    "Đinh": 1.4, "Lương": 1.2, "Hà": 1.1, "Đoàn": 1, "Ông": 0.9, "Thái": 0.9, "Tán": 0.3,
    "Lưu": 0.8, "Cao": 0.7, "Trịnh": 0.7, "Hoàng": 1, "Vũ": 0.4,
}  # fmt: skip
NUMBER_NAMES = ("Ba", "Bốn", "Năm", "Sáu", "Bảy", "Tám", "Chín", "Mười", "Hai", "Út")
WOMEN_GIVEN = (
    "Lan", "Hoa", "Cúc", "Mai", "Đào", "Liễu", "Sen", "Lài", "Huệ", "Hường", "Hồng", "Nga", "Thu",
    "Xuân", "Hạnh", "Hiền", "Lành", "Thảo", "Kính", "Hảo", "Phụng", "Yến", "Nhạn", "Lượm", "Xí",
    "Mẹo", "Thìn", "Chanh", "Quýt", "Mít", "Cam", "Hòa", "Thủy",
)  # fmt: skip
WOMEN_GIVEN_LATER = (
    "Loan", "Phượng", "Tuyết", "Vân", "Thủy", "Hương", "Hằng", "Dung", "Tâm", "Liên", "Nguyệt",
)  # fmt: skip
WOMEN_GIVEN_YOUNG = ("Trang", "Thảo", "Linh", "Phương", "Huyền")
MEN_GIVEN = (
    "Hùng", "Dũng", "Sơn", "Thành", "Minh", "Long", "Hải", "Phước", "Lợi", "Tài", "Đức", "Xuân",
    "Thu", "Đông", "Cả", "Lộc", "Thọ", "Khương", "Kỳ", "Mẫn", "Nhơn", "Nghĩa", "Lễ", "Trí", "Tín",
    "Quảng", "Hòa",
)  # fmt: skip
MEN_GIVEN_YOUNG = ("Tuấn", "Hoàng", "Huy", "Hiếu", "Nam")
WOMEN_MIDDLE_PAIRS = ("Thị Thu", "Thị Kim", "Thị Ngọc", "Thị Thanh", "Thị Hồng", "Thị Xuân")
WOMEN_MIDDLE_YOUNG = ("Thanh", "Ngọc", "Thu", "Mỹ", "Kim")
MEN_MIDDLE = {
    "Văn": 45, "Hữu": 8, "Đình": 6, "Ngọc": 6, "Xuân": 5, "Công": 4, "Tấn": 4, "Quang": 4, "Đức": 4,
    "Viết": 3, "Thanh": 3, "Phước": 2, "Bá": 2, "": 2,
}  # fmt: skip
FAMOUS = {"Võ Văn Kiệt", "Hồ Xuân Hương", "Lê Đức Thọ", "Phan Thanh", "Trần Phú"}


def full_name(random: Random, sex: str, born: int) -> str:
    """A name as an official would write it, NFC, tone marks in the old place."""
    while True:
        family = _weighted(random, FAMILY)
        middle = _women_middle(random, born) if sex == "female" else _men_middle(random, born)
        name = " ".join(part for part in (family, middle, _given(random, sex, born)) if part)
        if name not in FAMOUS:
            return name


def _given(random: Random, sex: str, born: int) -> str:
    if born <= 1960 and random.random() < (0.14 if sex == "female" else 0.10):
        return random.choice(NUMBER_NAMES)
    if sex == "male":
        return random.choice(MEN_GIVEN + (MEN_GIVEN_YOUNG * 3 if born > 1980 else ()))
    if born > 1980:
        return random.choice(WOMEN_GIVEN_LATER + WOMEN_GIVEN_YOUNG * 2)
    return random.choice(WOMEN_GIVEN + (WOMEN_GIVEN_LATER * 2 if born > 1960 else ()))


def _women_middle(random: Random, born: int) -> str:
    plain, pair = (0.92, 0.06) if born <= 1960 else (0.70, 0.28) if born <= 1980 else (0.45, 0.25)
    dice = random.random()
    if dice < plain:
        return "Thị"
    if dice < plain + pair:
        return random.choice(WOMEN_MIDDLE_PAIRS)
    return "" if born <= 1980 else random.choice(WOMEN_MIDDLE_YOUNG)


def _men_middle(random: Random, born: int) -> str:
    if born > 1980 and random.random() < 0.45:
        return random.choice(("Minh", "Quốc", "Anh", "Thanh", "Gia"))
    return _weighted(random, MEN_MIDDLE)


def _weighted(random: Random, table: dict[str, float] | dict[str, int]) -> str:
    return random.choices(list(table), weights=list(table.values()))[0]
