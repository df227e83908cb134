"""A phone for tests: JavaRosa, the engine of ODK Collect, with the library's forms and lists."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from subprocess import DEVNULL, PIPE
from xml.etree import ElementTree  # of our own test's making

from forms.library import load_library

LISTS = {
    "clubs": """\
name,label,__version,club_code,unit_code,unit_name,status,founded_on,asks_ethnicity
dong-hoa,CLB Đông Hòa · Hòa Thọ,1,C1,20194,Hòa Thọ,active,2018-03-01,
""",
    "members": """\
name,label,__version,club_id,birth_year,sex,hamlet,status,is_volunteer,board_role,care_need,\
c_health,c_care,c_photo,last_check_on,last_height,phone_tail
ba,Trần Thị Ba · 1948 · thôn Đông,4,dong-hoa,1948,female,thôn Đông,active,no,chair,regular,\
yes,yes,yes,2024-01-02,150,456
minh,Lê Văn Minh · 1960 · thôn Đông,1,dong-hoa,1960,male,thôn Đông,active,yes,none,no,no,yes,no,,,
hoa,Võ Thị Hoa · 1950 · tổ 3,1,other,1950,female,tổ 3,active,yes,none,regular,yes,yes,yes,,,
tam,Bùi Thị Tám · 1945 · thôn Tây,1,dong-hoa,1945,female,thôn Tây,active,no,none,regular,\
yes,no,no,,,
""",
    "care_clients": """\
name,label,__version,club_id,care_level,landmark,contact_phone,safety,last_visit_on,next_visit_on
ba,Trần Thị Ba · 1948 · thôn Đông,9,dong-hoa,regular,sau đình,0905123456,falls hearing,2024-09-20,\
2024-10-02
hoa,Võ Thị Hoa · 1950 · tổ 3,3,other,regular,,,,,
""",
    "units": """\
name,label,code,kind,parent,valid_from,valid_to
20242@2006-01-01,Phường Phước Ninh,20242,ward,Hải Châu,2006-01-01,2025-07-01
20242@2025-07-01,Phường Hải Châu,20242,ward,Đà Nẵng,2025-07-01,9999-12-31
""",
    "loans": """\
name,label,__version,club_id,member_id,fund_source,principal,disbursed_on,due_on,\
balance_principal,next_due_on,status
owed,Trần Thị Ba · 1948 · 5 triệu,3,dong-hoa,ba,club_fund,5000000,2024-01-15,2025-01-15,\
2000000,2025-01-15,running
other,Võ Thị Hoa · 1950 · 4 triệu,1,other,hoa,club_fund,4000000,2024-01-15,2025-01-15,\
4000000,2025-01-15,running
""",
}


@dataclass(frozen=True)
class Filled:
    """What the phone showed, line by line, and what it would send."""

    shown: tuple[str, ...]
    valid: bool
    instance: ElementTree.Element
    kept: str

    def sent(self, name: str) -> str | None:
        """The text of a node; "" when blank, None when absent."""
        node = self.instance.find(f".//{name}")
        return None if node is None else node.text or ""

    def saw(self, start: str) -> bool:
        return any(line.startswith(start) for line in self.shown)

    @property
    def entity(self) -> Mapping[str, str]:
        node = self.instance.find("meta/entity")
        return {} if node is None else node.attrib


Fill = Callable[..., Filled]
Saved = Callable[..., None]


class Phone:
    """The running engine. `folder` holds its forms and lists, and what it saved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        jar = str(files("pyxform") / "validators/odk_validate/bin/ODK_Validate.jar")
        program = Path(__file__).parent / "javarosa" / "Phone.java"
        compile_it = ["javac", "-encoding", "UTF-8", "-nowarn", "-cp", jar, "-d", str(folder)]
        subprocess.run([*compile_it, str(program)], check=True, capture_output=True)
        self._put_forms_and_lists()
        run_it = ["java", "-cp", f"{jar}:{folder}", "Phone", str(folder)]
        self._running = subprocess.Popen(
            run_it, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, encoding="utf-8"
        )

    def _put_forms_and_lists(self) -> None:
        from pyxform.xls2xform import convert  # slow to import

        for name, rows in LISTS.items():
            (self.folder / f"{name}.csv").write_text(rows, "utf-8")
        for name, form in load_library().forms.items():
            made = convert(form.source, file_type=".md").xform
            (self.folder / f"{name}.xml").write_text(made, "utf-8")

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.communicate()  # closes its input: it ends

    def fill(self, form: str, **answers: object) -> Filled:
        asked, told = self._running.stdin, self._running.stdout
        assert asked is not None
        assert told is not None
        said = "\n".join(f"{name}={value}" for name, value in answers.items())
        (self.folder / "answers").write_text(said, "utf-8")
        print(form, file=asked, flush=True)
        lines = [line.rstrip("\n") for line in iter(told.readline, "done\n")]
        assert lines[-1].startswith("<?xml"), lines
        kept = lines[-1]
        return Filled(tuple(lines[:-1]), "valid" in lines, ElementTree.fromstring(kept), kept)
