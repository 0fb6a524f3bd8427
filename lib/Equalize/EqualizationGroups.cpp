//===- EqualizationGroups.cpp - layers that share one scale ---------------===//
#include "EqualizationGroups.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::fptq;

bool fptq::isEqualized(LinearOp op) {
  for (auto scale = op.getWeight().getDefiningOp<ScaleChannelsOp>(); scale;
       scale = scale.getInput().getDefiningOp<ScaleChannelsOp>())
    if (scale.getDim() == 1)
      return true;
  return false;
}

/// The value above all views of a layer's input, and where the layer's channels lie in it.
static std::pair<Value, ChannelMap> rootOf(LinearOp op) {
  Value value = op.getX();
  ChannelMap map(op.getInputChannels(), cast<ShapedType>(value.getType()).getRank() - 1);
  for (ViewStep step = stepThroughView(value, map); step.operand; step = stepThroughView(value, map))
    value = step.operand->get(), map = step.map;
  return {value, map};
}

//===----------------------------------------------------------------------===//
// Readers
//===----------------------------------------------------------------------===//

static bool staysFloat(LinearOp op) { return op.getPolicyAttr() && op.getPolicyAttr().getKind() == PolicyKind::Float; }

/// (E1) for one layer: it is of the group, or can become exact by scaling its float weight.
static FoldPlan admitLayer(LinearOp op, OpOperand &use, EqualizationGroup &group) {
  if (llvm::is_contained(group.equalized, op))
    return FoldPlan::nothing();
  if (&use != &op.getXMutable() || rootOf(op) != std::pair(group.root, group.map))
    return FoldPlan::refused("(E1) layer '" + op.getLayer() + "' reads the same value in another way");
  PolicyAttr policy = op.getPolicyAttr();
  if (!staysFloat(op))
    return FoldPlan::refused("(E1) layer '" + op.getLayer() + "' reads the same input and its policy is " +
                             (policy ? stringifyPolicyKind(policy.getKind()) : "not chosen"));
  group.keptFloat.push_back(op);
  return FoldPlan::nothing();
}

/// (E1) Every reader of `value`, below any views, can be rescaled.
static FoldPlan admitReaders(Value value, EqualizationGroup &group) {
  for (OpOperand &use : value.getUses()) {
    if (!readsElements(use))
      continue;
    Operation *reader = use.getOwner();
    bool isView = reader->getNumResults() == 1 && stepThroughView(reader->getResult(0), ChannelMap()).operand == &use;
    FoldPlan admitted = FoldPlan::nothing();
    if (auto layer = dyn_cast<LinearOp>(reader))
      admitted = admitLayer(layer, use, group);
    else if (isView)
      admitted = admitReaders(reader->getResult(0), group);
    else
      admitted = FoldPlan::refused("(E1) '" + reader->getName().getStringRef() + "' reads the same input");
    if (!admitted.isLegal())
      return admitted;
  }
  return FoldPlan::nothing();
}

std::vector<EqualizationGroup> fptq::collectGroups(ArrayRef<LinearOp> layers) {
  std::vector<EqualizationGroup> groups;
  for (LinearOp op : layers) {
    auto [root, map] = rootOf(op);
    auto known = llvm::find_if(groups, [&, &root = root, &map = map](const EqualizationGroup &group) {
      return group.root == root && group.map == map;
    });
    if (known == groups.end())
      known = groups.insert(groups.end(), {root, map, {}, {}});
    known->equalized.push_back(op);
  }
  for (EqualizationGroup &group : groups) {
    group.plan = admitReaders(group.root, group);
    if (group.plan.isLegal())
      group.plan = planFold(group.root, group.map);
  }
  return groups;
}

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

void fptq::refuseFamily(ArrayRef<EqualizationGroup *> family) {
  auto refused = llvm::find_if(family, [](EqualizationGroup *group) { return !group->plan.isLegal(); });
  if (refused == family.end())
    return;
  auto function = (*refused)->equalized.front()->getParentOfType<FunctionOpInterface>();
  std::string place = function ? ("'" + function.getName() + "'").str() : "another region";
  std::string reason = ("(E7) in " + place + ": " + (*refused)->plan.getReason()).str();
  for (EqualizationGroup *group : family)
    if (group->plan.isLegal())
      group->plan = FoldPlan::refused(reason);
}

/// (E7) for the layers whose rows take the scale: where one is quantized, all of its uses take it, or none.
static void refuseHalfScaled(ArrayRef<EqualizationGroup *> family, const llvm::StringMap<SmallVector<LinearOp>> &uses) {
  llvm::MapVector<Operation *, const ChannelMap *> scaled; // in order: the first one found is the reason
  for (EqualizationGroup *group : family)
    for (const Absorber &absorber : group->plan.getAbsorbers())
      if (LinearOp producer = absorber.linear; producer && !staysFloat(producer))
        scaled[producer] = &absorber.map;
  for (auto [producer, map] : scaled)
    for (LinearOp use : uses.lookup(cast<LinearOp>(producer).getLayer()))
      if (auto other = scaled.find(use); other == scaled.end() || !(*other->second == *map)) {
        std::string reason =
            ("(E7) layer '" + use.getLayer() + "' is used elsewhere, too, where its rows keep their scale").str();
        for (EqualizationGroup *group : family)
          group->plan = FoldPlan::refused(reason);
        return;
      }
}

std::vector<SmallVector<EqualizationGroup *>> fptq::joinFamilies(MutableArrayRef<EqualizationGroup> groups) {
  llvm::IntEqClasses classes(groups.size());
  llvm::StringMap<unsigned> groupOf;
  for (auto [i, group] : llvm::enumerate(groups))
    for (LinearOp op : llvm::concat<LinearOp>(group.equalized, group.keptFloat))
      classes.join(i, groupOf.try_emplace(op.getLayer(), i).first->second);
  classes.compress();
  std::vector<SmallVector<EqualizationGroup *>> families(classes.getNumClasses());
  for (auto [i, group] : llvm::enumerate(groups))
    families[classes[i]].push_back(&group);
  llvm::StringMap<SmallVector<LinearOp>> uses;
  if (!groups.empty())
    groups.front().equalized.front()->getParentOfType<ModuleOp>().walk(
        [&](LinearOp op) { uses[op.getLayer()].push_back(op); });
  for (ArrayRef<EqualizationGroup *> family : families) {
    refuseFamily(family);
    refuseHalfScaled(family, uses);
  }
  return families;
}
