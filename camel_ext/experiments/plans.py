"""What an improvement would do and could prove, before anything is started."""

from sqlalchemy.orm import Session

from camel_ext.evaluation import PlanAsked, define_suite, plan
from camel_ext.experiments.improvements import budget_for, check
from camel_ext.experiments.proving import suite_of
from camel_ext.experiments.schemas import BudgetShown, ImprovePlanShown, ImproveStart
from camel_ext.experiments.setting import target_name
from camel_ext.workflows import Asker, DefinitionKind, get_definition, workflow_of


def plan_improvement(db: Session, asker: Asker, wanted: ImproveStart) -> ImprovePlanShown:
    """Return what an improvement would do; its examination is defined, so that it can be read.

    Raises: as `start_improvement`.
    """
    setting, config = check(db, wanted)
    budget = budget_for(db, wanted)
    workflow = workflow_of(get_definition(db, DefinitionKind.WORKFLOW, wanted.workflow))
    suite = suite_of(config, workflow, wanted.workflow)
    version = define_suite(db, asker.clock, asker.new_id, asker.principal_id, suite)
    asked = PlanAsked(
        suite=f"{suite.name}@{version.number}",
        workflow=wanted.workflow,
        policy=config.gate,
        alpha=budget.next_alpha,
    )
    could = plan(db, asked)
    goals = sum(len(listed) for listed in config.goals.values())
    return ImprovePlanShown(
        workflow=wanted.workflow,
        agent=setting.agent,
        alias=setting.alias,
        baseline=target_name(db, setting.baseline_version_id),
        goals=goals,
        candidates=goals * (1 + config.sample.count),
        heldout_goals=could.n,
        heldout_topics=could.topics,
        cycle=budget.cycles + 1,
        alpha=budget.next_alpha,
        power=could.power,
        smallest_gain=could.smallest_gain,
        assumed_from=could.assumed_from,
        not_worse_equal=could.not_worse_equal,
        warnings=could.warnings,
        budget=BudgetShown.model_validate(budget),
    )
