// For clang-tidy: its checks look at what is ours, not at what the headers of others declare, which
// is a hundred times as much and of which nothing is reported anyway.
#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>

namespace {

class OwnCode final : public clang::tidy::ClangTidyCheck {
 public:
  using ClangTidyCheck::ClangTidyCheck;

  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl().bind("all"), this);
  }
  // It comes first; what is below is walked through afterwards.
  void check(const clang::ast_matchers::MatchFinder::MatchResult& found) override {
    std::vector<clang::Decl*> ours;
    for (clang::Decl* each : found.Nodes.getNodeAs<clang::TranslationUnitDecl>("all")->decls())
      if (each->getLocation().isValid() &&
          !found.SourceManager->isInSystemHeader(each->getLocation()))
        ours.push_back(each);
    found.Context->setTraversalScope(ours);
  }
};

class Module final : public clang::tidy::ClangTidyModule {
 public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<OwnCode>("ionian-own-code");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<Module> kModule("ionian", "Where to look.");

}  // namespace
