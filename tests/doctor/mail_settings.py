"""An installation with other settings of mail, and how its findings are judged."""

from dataclasses import replace

from doctor.conftest import Clinic
from greenroom.doctor.model import Finding, Light
from greenroom.settings import Settings


def with_mail(clinic: Clinic, **given: object) -> Clinic:
    """The same installation with other settings of mail."""
    old = clinic.parts.settings
    settings = Settings(_env_file=None, data_dir=old.data_dir, **given)
    return Clinic(replace(clinic.parts, settings=settings))


def is_red(found: Finding, *, what: str, do: str) -> bool:
    return found.light is Light.RED and what in found.what and do in found.do
